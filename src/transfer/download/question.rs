//! What a source is asked. Pure.

use std::net::{Ipv4Addr, SocketAddrV4};

use percent_encoding::utf8_percent_encode;

use super::errand::Errand;
use super::status::Source;
use crate::swarm::ByteRange;
use crate::transfer::http::{IN_PATH, READS_WALLED, Request, Walled, tell_alternates, tell_walled};

impl Errand {
    /// What it is asked, on a connection where our own address is `local`.
    pub(super) fn request(&self, local: Option<Ipv4Addr>) -> Request {
        let ByteRange { start, end } = self.range;
        let last = self.size.map_or(end, |size| end.min(size)).max(start + 1) - 1;
        let mut request = Request::get(self.path())
            .with("Range", format!("bytes={start}-{last}"))
            .with("X-Queue", "0.1")
            .with("X-Features", format_args!("queue/0.1, {READS_WALLED}"));
        let here = local.and_then(|ip| self.shared.listening(ip));
        if let Some(here) = here {
            request.headers.push("X-Node", here);
        }
        if let Some(id) = &self.queued {
            request.headers.push("X-Queued", format_args!("ID={id}"));
        }
        let open = self.good.iter().filter(|source| source.push.is_none());
        let mut open: Vec<SocketAddrV4> = open.map(|source| source.addr).collect();
        let mut walled: Vec<Walled> = self.good.iter().filter_map(Source::walled).collect();
        if self.offers {
            match self.shared.wall() {
                Some(wall) => walled.push(wall),
                None => open.extend(here),
            }
        }
        for (name, addresses) in [("X-Alt", &open), ("X-NAlt", &self.bad)] {
            if !addresses.is_empty() {
                request.headers.push(name, tell_alternates(addresses));
            }
        }
        if !walled.is_empty() {
            request.headers.push("X-Falt", tell_walled(&walled));
        }
        request
    }

    /// The file's path at the source: by digest where possible.
    pub(super) fn path(&self) -> String {
        match (&self.place.get, self.sha1) {
            (Some((index, name)), sha1) if self.by_index || sha1.is_none() => {
                format!("/get/{index}/{}", utf8_percent_encode(name, IN_PATH))
            }
            (_, Some(sha1)) => format!("/uri-res/N2R?urn:sha1:{sha1}"),
            _ => "/".to_owned(),
        }
    }
}
