//! Folders that nobody means to give to strangers.
//!
//! The one rule: whoever asks to share one of these is asked back. It is a list, not a proof: it catches the slip of
//! the hand (`--share ~`), not every way of being careless.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Why sharing `folder` needs an explicit yes, as the end of the sentence "not shared: …"; none when it is harmless.
/// The folder is judged as written and as what it leads to.
pub fn oversharing(folder: &Path) -> Option<&'static str> {
    let home = std::env::home_dir();
    let written = std::path::absolute(folder).ok()?;
    let led_to = written.canonicalize().unwrap_or_else(|_| written.clone());
    let real_home = home.as_deref().and_then(|home| home.canonicalize().ok());
    judge(&led_to, real_home.as_deref())
        .or_else(|| judge(&written, home.as_deref()))
        .or_else(|| judge(&led_to, home.as_deref()))
}

/// The same for an absolute path and a known home folder, without looking at any disk.
fn judge(folder: &Path, home: Option<&Path>) -> Option<&'static str> {
    let parts: Vec<&OsStr> = folder
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect();
    let any_of = |part: &OsStr, names: &str| names.split_whitespace().any(|name| part == name);
    let holds_home = match parts[..] {
        [] => return Some("it is the whole file system"),
        [only] => only == "root" || any_of(only, HOMES),
        [homes, _] => any_of(homes, HOMES),
        _ => false,
    };
    if holds_home || home.is_some_and(|home| home.starts_with(folder)) {
        return Some("it holds a home folder, with everything private in it");
    }
    if parts.iter().any(|&part| any_of(part, SECRETS)) {
        return Some("it holds keys, passwords or what a browser or mail program remembers");
    }
    let ending = folder.extension().map(OsStr::to_ascii_lowercase);
    if ending.is_some_and(|ending| any_of(&ending, KEY_FILES)) {
        return Some("it is a file of keys or passwords");
    }
    if any_of(parts[0], SYSTEM) || (parts.len() == 1 && any_of(parts[0], SYSTEM_ROOMS)) {
        return Some("it belongs to the operating system");
    }
    let in_home = home.and_then(|home| folder.strip_prefix(home).ok());
    let first = in_home.and_then(|inside| inside.components().next());
    if first.is_some_and(|part| any_of(part.as_os_str(), PROGRAMS)) {
        return Some("it is where programs keep their settings and secrets");
    }
    None
}

/// Folders of home folders.
const HOMES: &str = "home Users";

/// Anywhere in a path.
const SECRETS: &str = "
    .ssh .gnupg .gpg .pki .aws .azure .kube .docker .gcloud .step .age .minisign .putty .vault-token
    .password-store .keepassxc keyrings Keychains
    .mozilla .thunderbird .librewolf .tor google-chrome chromium BraveSoftware Cookies
    .bitcoin .electrum .ethereum .monero";

/// Endings of files that hold keys or passwords.
const KEY_FILES: &str = "kdbx kdb pem key pfx p12 ppk gpg";

/// With everything below.
const SYSTEM: &str = "bin boot etc lib lib64 proc sbin sys System Library";

/// As a whole only: below them are places where people do keep files of their own (`/run/media`, `/dev/shm/…`).
const SYSTEM_ROOMS: &str = "Applications dev opt private run srv tmp usr var";

/// First folders of a home folder that belong to programs.
const PROGRAMS: &str = ".cache .config .local .var AppData Library snap";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_needs_a_yes() {
        let folders = "
            / /home /home/ann /home/bob /Users /Users/ann /root
            /home/ann/.ssh /home/ann/.ssh/keys /home/bob/.gnupg /home/ann/.aws /home/ann/.kube
            /home/ann/.docker /home/ann/.azure /home/ann/.gcloud /home/ann/.password-store
            /home/ann/.pki /home/ann/.tor /home/ann/.monero /home/ann/.bitcoin
            /home/ann/.electrum/wallets /home/ann/.mozilla/firefox /home/ann/.thunderbird
            /home/ann/.config /home/ann/.config/google-chrome/Default
            /home/ann/.config/chromium /home/ann/.config/BraveSoftware
            /home/ann/.local/share/keyrings /home/ann/.local/share /home/ann/.cache
            /home/ann/snap/firefox /home/ann/.var/app /home/ann/AppData/Roaming
            /home/ann/Library/Keychains /Library/Keychains
            /home/ann/passwords.kdbx /home/ann/id.PEM /mnt/disk/server.key
            /mnt/backup/.ssh /media/usb/.gnupg
            /etc /etc/ssl /proc/self /sys /dev /boot /run /usr /var /bin /sbin /lib /lib64
            /opt /srv /tmp /System/Volumes /private /Applications";
        for folder in folders.split_whitespace() {
            assert!(
                judge(Path::new(folder), Some(Path::new("/home/ann"))).is_some(),
                "{folder}"
            );
        }
        for folder in ["/data", "/data/people", "/data/people/ann"] {
            let home = Path::new("/data/people/ann");
            assert!(judge(Path::new(folder), Some(home)).is_some(), "{folder}");
            assert!(judge(Path::new(folder), None).is_none(), "{folder}");
        }
    }

    #[test]
    fn what_people_do_share_needs_none() {
        let folders = "
            /home/ann/Music /home/ann/servent/shared /home/ann/keys-and-locks /root/Music
            /mnt/disk /run/media/ann/usb /media/usb/films /srv/music /var/media /tmp/share
            /dev/shm/share /opt/share /usr/local/share/music /data/music /Users/ann/Music
            /Volumes/Disk /home/ann/Music/.demos /private/tmp/share";
        for folder in folders.split_whitespace() {
            assert_eq!(
                judge(Path::new(folder), Some(Path::new("/home/ann"))),
                None,
                "{folder}"
            );
            assert_eq!(judge(Path::new(folder), None), None, "{folder}");
        }
    }

    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("harmless");
        std::os::unix::fs::symlink("/", &link).unwrap();
        assert!(oversharing(&link).is_some());
        assert!(oversharing(Path::new("/")).is_some());
        assert_eq!(oversharing(&place.path().join("harmless to be")), None);
    }
}
