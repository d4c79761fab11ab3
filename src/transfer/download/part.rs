//! The bytes of an unfinished download, in order from the first, and their digest.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha1::Digest;

use crate::wire::Sha1;

/// How much is read at a time to be hashed.
const BUFFER: usize = 1024 * 1024;

/// An unfinished file. All its methods wait for the disk.
///
/// Bytes are written strictly in order, so the file's length tells after any crash what is here. They are hashed as
/// they come; the ones that came before the file was opened are hashed at the end, so that a restart costs nothing.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    len: u64,
    hasher: sha1::Sha1,
    hashed: u64,
}

impl Part {
    /// Opens the file, or makes it. What is behind `limit` cannot belong to it and is cut off.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(path: &Path, limit: Option<u64>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let present = file.seek(SeekFrom::End(0))?;
        let len = limit.map_or(present, |limit| present.min(limit));
        if len < present {
            file.set_len(len)?;
            file.seek(SeekFrom::Start(len))?;
        }
        Ok(Self {
            file,
            len,
            hasher: sha1::Sha1::new(),
            hashed: 0,
        })
    }

    /// How many bytes are here.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// Those of the file system. How much was written is then unknown: open it anew.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if self.hashed == self.len {
            self.hasher.update(bytes);
            self.hashed += bytes.len() as u64;
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Brings all to the disk and tells the digest.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn finish(mut self) -> io::Result<Sha1> {
        self.file.seek(SeekFrom::Start(self.hashed))?;
        let mut buffer = vec![0; BUFFER];
        while self.hashed < self.len {
            match self.file.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    self.hasher.update(&buffer[..count]);
                    self.hashed += count as u64;
                }
            }
        }
        self.file.sync_all()?;
        Ok(Sha1(self.hasher.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> Sha1 {
        Sha1(sha1::Sha1::digest(bytes).into())
    }

    #[test]
    fn the_digest_is_of_all_bytes_whenever_they_came() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1.part");
        let mut part = Part::open(&path, None).expect("made");
        part.append(b"one ").expect("written");
        drop(part);
        let mut part = Part::open(&path, None).expect("opened");
        assert_eq!(part.len(), 4);
        part.append(b"two ").expect("written");
        part.append(b"three").expect("written");
        assert_eq!(part.finish().expect("read"), digest(b"one two three"));
        let mut fresh = Part::open(&folder.path().join("2.part"), None).expect("made");
        fresh.append(b"one two three").expect("written");
        assert_eq!(fresh.finish().expect("read"), digest(b"one two three"));
    }

    #[test]
    fn what_cannot_belong_to_it_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1.part");
        std::fs::write(&path, b"123456").expect("written");
        let mut part = Part::open(&path, Some(4)).expect("opened");
        part.append(b"x").expect("written");
        assert_eq!(part.finish().expect("read"), digest(b"1234x"));
    }
}
