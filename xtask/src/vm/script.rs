//! Guest scripts that say in their first comment what machine they need:
//!
//! ```sh
//! #!/bin/sh
//! # modules: null_blk dm-delay    stock modules, for modprobe
//! # programs: fio                 programs of the Debian root
//! # files: jobs                   files beside the script, for /in
//! # machine: icount               smp or icount
//! # memory: 1G
//! # timeout: 900s                 on the host's clock
//! ```

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Machine, Shape};

/// What the comment of a script asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs<'a> {
    modules: Vec<&'a str>,
    programs: Vec<&'a str>,
    files: Vec<&'a str>,
    shape: Option<Shape>,
    memory_mib: Option<u32>,
    timeout: Option<Duration>,
}

impl Machine<'_> {
    /// Takes the guest script from a file, and all that its first comment asks for.
    pub(crate) fn script_file(mut self, path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let needs = Needs::parse(&text).with_context(|| format!("reading {}", path.display()))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        for name in needs.modules {
            self = self.module(name);
        }
        for name in needs.programs {
            self = self.program(name);
        }
        for name in needs.files {
            self = self.file(&dir.join(name), &format!("/in/{name}"));
        }
        if let Some(shape) = needs.shape {
            self = self.shape(shape);
        }
        if let Some(mib) = needs.memory_mib {
            self = self.memory_mib(mib);
        }
        if let Some(timeout) = needs.timeout {
            self = self.timeout(timeout);
        }
        Ok(self.script(&text))
    }
}

impl<'a> Needs<'a> {
    fn parse(script: &'a str) -> Result<Self> {
        let mut needs = Self::default();
        for line in script.lines().take_while(|line| line.starts_with('#')) {
            let Some((key, value)) = line.trim_start_matches(['#', ' ']).split_once(':') else { continue };
            let words = value.split_whitespace();
            let value = value.trim();
            match key {
                "modules" => needs.modules.extend(words),
                "programs" => needs.programs.extend(words),
                "files" => needs.files.extend(words),
                "machine" => needs.shape = Some(shape(value)?),
                "memory" => needs.memory_mib = Some(mebibytes(value)?),
                "timeout" => needs.timeout = Some(seconds(value)?),
                _ => {}
            }
        }
        Ok(needs)
    }
}

fn shape(value: &str) -> Result<Shape> {
    match value {
        "smp" => Ok(Shape::Smp),
        "icount" => Ok(Shape::Icount),
        _ => bail!("`machine: {value}`: it must be smp or icount"),
    }
}

fn mebibytes(value: &str) -> Result<u32> {
    let (number, factor) = match (value.strip_suffix('G'), value.strip_suffix('M')) {
        (Some(number), _) => (number, 1024),
        (_, Some(number)) => (number, 1),
        _ => bail!("`memory: {value}`: it must end in M or G"),
    };
    let number: u32 = number.parse().with_context(|| format!("`memory: {value}`"))?;
    number.checked_mul(factor).with_context(|| format!("`memory: {value}`"))
}

fn seconds(value: &str) -> Result<Duration> {
    let number = value.strip_suffix('s').with_context(|| format!("`timeout: {value}`: it must end in s"))?;
    Ok(Duration::from_secs(number.parse().with_context(|| format!("`timeout: {value}`"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comment_says_what_the_script_needs() {
        let script = "\
#!/bin/sh
# Records: what it does.
#
# modules: null_blk dm-delay
# programs: fio
# files: jobs
# machine: icount
# memory: 2G
# timeout: 900s
set -eu
# modules: not-this-one
";
        let needs = Needs::parse(script).unwrap();
        assert_eq!(needs.modules, ["null_blk", "dm-delay"]);
        assert_eq!(needs.programs, ["fio"]);
        assert_eq!(needs.files, ["jobs"]);
        assert_eq!(needs.shape, Some(Shape::Icount));
        assert_eq!(needs.memory_mib, Some(2048));
        assert_eq!(needs.timeout, Some(Duration::from_secs(900)));
    }

    #[test]
    fn a_machine_that_does_not_exist_is_refused() {
        for line in ["# machine: big", "# memory: 1", "# memory: 9999999G", "# timeout: long"] {
            assert!(Needs::parse(line).is_err(), "{line}");
        }
    }
}
