//! QEMU's command line, and waiting for it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Shape;
use crate::steps::tail;

/// Files in the folder of a run.
pub(crate) const INITRAMFS: &str = "initramfs.gz";
pub(crate) const CONSOLE: &str = "console.log";
pub(crate) const RESULTS: &str = "out.tar";
const MESSAGES: &str = "qemu.log";

/// `panic=-1` makes a panic end QEMU; the log buffer must hold a whole run, as it is scanned.
const KERNEL_ARGUMENTS: &str = "console=ttyS0 panic=-1 quiet log_buf_len=4M printk.devkmsg=on random.trust_cpu=on";

/// Where the guest's console goes. It is in [`CONSOLE`] in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    File,
    /// To the file, and the guest's `/dev/vport0p2` to our standard output.
    FileAndOutput,
    /// To the terminal, which is the guest's keyboard too.
    Terminal,
}

pub(crate) fn command(dir: &Path, vmlinuz: &Path, shape: Shape, memory_mib: u32, console: Console) -> Command {
    // A comma ends an option's value in QEMU's syntax; a doubled one stands for itself.
    let path = |name: &str| dir.join(name).display().to_string().replace(',', ",,");
    // QEMU must not outlive us when we are killed.
    let mut qemu = Command::new("setpriv");
    qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    qemu.args(["-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"]);
    qemu.args(["-cpu", "max", "-m", &format!("{memory_mib}M")]);
    match shape {
        Shape::Smp => qemu.args(["-accel", "tcg,thread=multi", "-smp", "2"]),
        Shape::Icount => qemu.args(["-accel", "tcg", "-smp", "1", "-icount", "shift=0,sleep=off"]),
    };
    qemu.arg("-kernel").arg(vmlinuz).arg("-initrd").arg(dir.join(INITRAMFS));
    qemu.args(["-append", KERNEL_ARGUMENTS]);

    let log = path(CONSOLE);
    let chardev = match console {
        Console::File | Console::FileAndOutput => format!("file,id=console,path={log}"),
        Console::Terminal => format!("stdio,id=console,signal=off,logfile={log}"),
    };
    qemu.args(["-chardev", &chardev, "-serial", "chardev:console"]);
    qemu.args(["-device", "virtio-serial-pci"]);
    qemu.args(["-chardev", &format!("file,id=results,path={}", path(RESULTS))]);
    qemu.args(["-device", "virtserialport,chardev=results,nr=1,name=kinfer.results"]);
    match console {
        Console::File => {
            qemu.stdin(Stdio::null()).stdout(Stdio::null());
        }
        Console::FileAndOutput => {
            qemu.args(["-chardev", "stdio,id=output,signal=off"]);
            qemu.args(["-device", "virtserialport,chardev=output,nr=2,name=kinfer.output"]);
            // A pipe that stays open: at the end of its input, QEMU takes the port for closed, and
            // the guest would wait for it for ever.
            qemu.stdin(Stdio::piped());
        }
        Console::Terminal => {}
    }
    qemu
}

/// Runs QEMU to its end, which is killed at the timeout; `progress` is given the console's last
/// line now and then.
pub(crate) fn wait(qemu: &mut Command, dir: &Path, timeout: Duration, mut progress: impl FnMut(&str)) -> Result<()> {
    let messages = dir.join(MESSAGES);
    qemu.stderr(File::create(&messages).context("making QEMU's log")?);
    let mut child = qemu.spawn().context("starting qemu-system-x86_64")?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > timeout {
            child.kill()?;
            child.wait()?;
            bail!(
                "the machine did not end within {} s; its console: {}",
                timeout.as_secs(),
                dir.join(CONSOLE).display()
            );
        }
        progress(&last_line(&dir.join(CONSOLE)));
        thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        let messages = fs::read_to_string(messages).unwrap_or_default();
        bail!("QEMU failed ({status}): {}", tail(&messages, 3).join("; "));
    }
    Ok(())
}

fn last_line(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let end = &text[text.len().saturating_sub(400)..];
    let end = String::from_utf8_lossy(end);
    let line = tail(&end, 1).concat();
    line.chars().filter(|c| !c.is_control()).take(100).collect()
}
