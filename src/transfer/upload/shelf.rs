//! What we share, told to whoever asks: as QueryHits to servents, as a page of links to people.
//!
//! Both are made a page of files at a time, so that a library of any size is never in memory twice.

use std::fmt::Write;
use std::net::SocketAddrV4;
use std::sync::PoisonError;

use bytes::{Bytes, BytesMut};
use percent_encoding::utf8_percent_encode;
use tokio_util::codec::Encoder;

use crate::librarian::Shelf;
use crate::library::SharedFile;
use crate::transfer::http::{IN_PATH, PACKETS};
use crate::wire::{Descriptor, DescriptorCodec, Ggep, Guid, Kind, QueryHit, Record, Trailer};

/// How many files are taken from the library at once: the lock is held for some hundred microseconds.
const PAGE: usize = 1_000;

/// How many files a hit names: with the longest of names it stays below the 16 KiB that gtk-gnutella reads.
const RECORDS_PER_HIT: usize = 32;

/// The form in which the shared files are told.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// QueryHits, one behind the other.
    Packets(Speaker),
    /// HTML.
    Html,
}

/// Who speaks in a hit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    /// Where it can be reached.
    pub(super) addr: SocketAddrV4,
    /// Its servent GUID.
    pub(super) servent: Guid,
    /// Whether it can be reached by Push only.
    pub(super) push: bool,
    /// Whether all its slots are taken.
    pub(super) busy: bool,
}

/// The shared files, page by page.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    shelf: &'a Shelf,
    form: Form,
    at: At,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Start,
    /// Before the file of this index.
    Index(u32),
    End,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(shelf: &'a Shelf, form: Form) -> Self {
        let at = At::Start;
        Self { shelf, form, at }
    }

    /// The media type of the whole.
    pub(super) const fn media_type(&self) -> &'static str {
        match self.form {
            Form::Packets(_) => PACKETS,
            Form::Html => "text/html; charset=utf-8",
        }
    }

    /// The files from an index on, a page of them, and the index of the one behind them.
    fn files(&self, from: u32) -> (Vec<SharedFile>, Option<u32>) {
        let library = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let mut rest = library.files_from(from);
        let files = rest.by_ref().take(PAGE).cloned().collect();
        (files, rest.next().map(|file| file.index))
    }
}

impl Iterator for Pages<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let from = match self.at {
            At::Start => 0,
            At::Index(index) => index,
            At::End => return None,
        };
        let (files, next) = self.files(from);
        let first = matches!(self.at, At::Start);
        self.at = next.map_or(At::End, At::Index);
        match self.form {
            Form::Packets(speaker) => Some(speaker.hits(&files)),
            Form::Html => Some(page(&files, first, next.is_none())),
        }
    }
}

impl Speaker {
    /// The files as QueryHits with their headers. A browser of hosts asks for no GUID and is given none.
    fn hits(self, files: &[SharedFile]) -> Bytes {
        let mut out = BytesMut::new();
        for files in files.chunks(RECORDS_PER_HIT) {
            let records = files.iter().map(SharedFile::record).collect();
            let payload = self.hit(records).encode();
            let descriptor = Descriptor::new(Guid::ZERO, Kind::QueryHit, 1, payload);
            DescriptorCodec
                .encode(descriptor, &mut out)
                .expect("writing to memory cannot fail");
        }
        out.freeze()
    }

    fn hit(self, records: Vec<Record>) -> QueryHit {
        let mut ggep = Ggep::new();
        ggep.push("BH", Bytes::new());
        QueryHit {
            addr: self.addr,
            speed: 0,
            records,
            trailer: Trailer {
                vendor: *b"SRVT",
                push: Some(self.push),
                busy: Some(self.busy),
                ggep,
                ..Trailer::default()
            },
            servent: self.servent,
        }
    }
}

/// The files as a piece of an HTML list, with what comes before the first and behind the last.
fn page(files: &[SharedFile], first: bool, last: bool) -> Bytes {
    let mut html = String::new();
    if first {
        html.push_str(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Shared files</title>\n\
             <h1>Shared files</h1>\n<ul>\n",
        );
    }
    for file in files {
        let (path, name) = (path_of(file), escaped(&file.name));
        let _ = writeln!(
            html,
            "<li><a href=\"{path}\">{name}</a> {} bytes</li>",
            file.size
        );
    }
    if last {
        html.push_str("</ul>\n</html>\n");
    }
    html.into()
}

/// Where a file is to be had: by content if it has been hashed.
fn path_of(file: &SharedFile) -> String {
    match file.sha1 {
        Some(sha1) => format!("/uri-res/N2R?urn:sha1:{sha1}"),
        None => format!(
            "/get/{}/{}",
            file.index,
            utf8_percent_encode(&file.name, IN_PATH)
        ),
    }
}

/// A text of others as HTML has it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            letter if letter.is_control() => html.push('\u{fffd}'),
            letter => html.push(letter),
        }
    }
    html
}
