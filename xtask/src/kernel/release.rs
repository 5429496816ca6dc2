//! Names of Debian kernel releases, as in `7.3.4+deb13-cloud-amd64`, and their order.

use std::cmp::Ordering;

/// The flavour of Debian's kernel that is used: the smallest, made for virtual machines.
pub(crate) const FLAVOUR: &str = "cloud-amd64";

/// The upstream version of a release: its leading numbers.
fn version(release: &str) -> Vec<u64> {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    release[..end].split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Orders releases by upstream version, and releases of one version by name.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    version(a).cmp(&version(b)).then_with(|| a.cmp(b))
}

/// The series that names the source package: `7.3` of `7.3.4+deb13-cloud-amd64`.
pub(crate) fn series(release: &str) -> Option<String> {
    match version(release)[..] {
        [major, minor, ..] if major > 0 => Some(format!("{major}.{minor}")),
        _ => None,
    }
}

/// The releases of our flavour among names of packages with this prefix, oldest first.
pub(crate) fn releases_of(prefix: &str, package_names: &str) -> Vec<String> {
    let mut releases: Vec<String> = package_names
        .split_whitespace()
        .filter_map(|name| name.strip_prefix(prefix))
        .filter(|release| release.ends_with(FLAVOUR) && series(release).is_some())
        .map(str::to_owned)
        .collect();
    releases.sort_by(|a, b| compare(a, b));
    releases.dedup();
    releases
}

/// The newest version in `apt-cache show` paragraphs of a package, with the release that its
/// `Depends` names: the meta package of the headers depends on those of the newest kernel.
pub(crate) fn newest_of_meta_package(paragraphs: &str) -> Option<String> {
    let mut releases: Vec<String> = paragraphs
        .lines()
        .filter_map(|line| line.strip_prefix("Depends:"))
        .flat_map(|depends| releases_of("linux-headers-", &depends.replace(['(', ')', ',', '='], " ")))
        .collect();
    releases.sort_by(|a, b| compare(a, b));
    releases.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_number_and_not_by_letter() {
        let names = "linux-headers-7.2.9+deb13-cloud-amd64 linux-headers-7.3.4+deb13-cloud-amd64
            linux-headers-7.2.12+deb13-cloud-amd64 linux-headers-7.2.12+deb13-amd64
            linux-headers-7.2.12+deb13-common linux-headers-cloud-amd64
            linux-headers-7.10.0+deb13-cloud-amd64";
        assert_eq!(
            releases_of("linux-headers-", names),
            [
                "7.2.9+deb13-cloud-amd64",
                "7.2.12+deb13-cloud-amd64",
                "7.3.4+deb13-cloud-amd64",
                "7.10.0+deb13-cloud-amd64",
            ]
        );
    }

    #[test]
    fn the_source_package_is_named_after_the_series() {
        assert_eq!(series("7.3.4+deb13-cloud-amd64").as_deref(), Some("7.3"));
        assert_eq!(series("7.3+deb14-cloud-amd64").as_deref(), Some("7.3"));
        assert_eq!(series("cloud-amd64"), None);
    }

    #[test]
    fn the_meta_package_of_backports_beats_that_of_stable() {
        let paragraphs = "\
Package: linux-headers-cloud-amd64
Version: 6.12.48-1
Depends: linux-headers-6.12.48+deb13-cloud-amd64 (= 6.12.48-1)

Package: linux-headers-cloud-amd64
Version: 7.3.4-1~bpo13+1
Depends: linux-headers-7.3.4+deb13-cloud-amd64 (= 7.3.4-1~bpo13+1)
";
        assert_eq!(newest_of_meta_package(paragraphs).as_deref(), Some("7.3.4+deb13-cloud-amd64"));
    }
}
