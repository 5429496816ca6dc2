//! The Debian mirror and proxy, as this machine's own apt is configured: no host is named here.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The address below which `dists/` and `pool/` are.
pub(crate) fn debian() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .unwrap_or_default();
    let output = Command::new("apt-get")
        .args(["indextargets", "--format"])
        .arg("$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)|$(REPO_URI)")
        .arg("Created-By: Packages")
        .output()
        .context("running apt-get")?;
    ensure!(output.status.success(), "apt-get indextargets failed");
    choose(&String::from_utf8_lossy(&output.stdout), &codename)
        .with_context(|| format!("apt of this machine names no mirror of Debian {codename} main, section `main`"))
}

/// The proxy that apt uses, if any.
pub(crate) fn proxy() -> Option<String> {
    let output = Command::new("apt-config").args(["shell", "P", "Acquire::http::Proxy"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = text.trim().strip_prefix("P=")?.trim_matches('\'').to_owned();
    (!value.is_empty()).then_some(value)
}

/// Origin and label are empty while the machine's lists are; a mirror of another project may then
/// stand beside Debian's under the same release name, so one whose path ends in `/debian` is
/// preferred.
fn choose(targets: &str, codename: &str) -> Option<String> {
    let mut best: Option<(u32, String)> = None;
    for line in targets.lines() {
        let fields: Vec<&str> = line.splitn(5, '|').collect();
        let [release, component, origin, label, address] = fields[..] else { continue };
        if component != "main" || !(release == codename || release.ends_with("stable")) {
            continue;
        }
        if !(address.starts_with("http") || address.starts_with("file:")) {
            continue;
        }
        let address = address.trim_end_matches('/');
        let rank = u32::from(origin == "Debian" && label == "Debian") * 2 + u32::from(address.ends_with("/debian"));
        if best.as_ref().is_none_or(|(known, _)| rank > *known) {
            best = Some((rank, address.to_owned()));
        }
    }
    best.map(|(_, address)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_release_itself() {
        let targets = "\
bookworm|stable|Docker|Docker CE|https://mirror.example/linux/debian/
bookworm-security|main|Debian|Debian-Security|http://mirror.example/debian-security/
bookworm|main|Other|Other|http://mirror.example/other/debian/
bookworm|main|Debian|Debian|http://mirror.example/debian/
";
        assert_eq!(choose(targets, "bookworm").unwrap(), "http://mirror.example/debian");
    }

    #[test]
    fn lists_that_were_never_fetched_are_enough() {
        let targets = "trixie|main|||http://a.example/other/\ntrixie|main|||http://b.example/debian/\n";
        assert_eq!(choose(targets, "trixie").unwrap(), "http://b.example/debian");
        assert_eq!(choose(targets, "bookworm"), None);
    }
}
