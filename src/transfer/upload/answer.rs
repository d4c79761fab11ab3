//! What a request is answered with: heads, made from what was asked and what is shared. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;
use percent_encoding::utf8_percent_encode;

use crate::library::SharedFile;
use crate::transfer::download::Offered;
use crate::transfer::http::{
    ByteRange, CONTENT_URN, ContentRange, HeadError, Headers, IN_PATH, Method, RangeError, Request,
    Response, Status, THEX_URI, Version, tell_available,
};
use crate::wire::{Sha1, TigerRoot};

/// When to come again if all slots are taken, in seconds: soon for a person who waits, seldom for us.
const RETRY_AFTER: u64 = 20;

/// Reads a request that we could answer.
///
/// # Errors
/// The status to refuse it with. The connection must end then: where the next request begins is in doubt.
pub(super) fn admit(head: &[u8]) -> Result<Request, Status> {
    let request = Request::parse(head).map_err(|error| match error {
        HeadError::TooLarge => Status::HEAD_TOO_LARGE,
        HeadError::Malformed => Status::BAD_REQUEST,
    })?;
    let host_is_told = match request.headers.all("Host").count() {
        0 => request.version != Version::Http11,
        hosts => hosts == 1,
    };
    if request.method == Method::Other {
        Err(Status::NOT_IMPLEMENTED)
    } else if !host_is_told || request.has_body() {
        Err(Status::BAD_REQUEST)
    } else {
        Ok(request)
    }
}

/// A response that says no, and why; or yes, and nothing more.
pub(super) fn refusal(status: Status) -> Response {
    let response = Response::new(status).with("Content-Length", 0);
    match status {
        Status::BUSY => response.with("Retry-After", RETRY_AFTER),
        _ => response,
    }
}

/// Whether an answer with this file would be the end of whoever asks. gtk-gnutella (measured: 1.2.3) aborts on every
/// success that brings it an empty file, and takes 404 well; it shares no empty files itself.
pub(super) fn is_fatal(file: &SharedFile, agent: &str) -> bool {
    file.size == 0 && agent.starts_with("gtk-gnutella/")
}

/// The part of a file that is asked for, and the head to send it with.
///
/// Of several ranges the first that holds a byte is served; RFC 9110 allows it, and gtk-gnutella does the same.
///
/// # Errors
/// The refusal, if there is no such part.
pub(super) fn offer(
    request: &Request,
    file: &SharedFile,
) -> Result<(ByteRange, Response), Response> {
    let whole = ByteRange {
        start: 0,
        end: file.size,
    };
    let modified = http_date(file.modified);
    let current = request
        .headers
        .get("If-Range")
        .is_none_or(|seen| seen == modified.to_string());
    let (range, mut response) = match request.headers.get("Range").filter(|_| current) {
        None => (whole, Response::new(Status::OK)),
        Some(value) => {
            let ranges = ByteRange::parse(value, file.size).map_err(|error| unfit(error, file))?;
            let range = ranges[0];
            let total = Some(file.size);
            let response = Response::new(Status::PARTIAL);
            (
                range,
                response.with("Content-Range", ContentRange { range, total }),
            )
        }
    };
    let headers = &mut response.headers;
    headers.push("Content-Length", range.len());
    headers.push("Accept-Ranges", "bytes");
    headers.push("Last-Modified", modified);
    headers.push("Content-Type", media_type(&file.name));
    let name = utf8_percent_encode(&file.name, IN_PATH);
    headers.push(
        "Content-Disposition",
        format_args!("inline; filename*=UTF-8''{name}"),
    );
    if let Some(sha1) = file.sha1 {
        name_content(headers, sha1, file.tree);
    }
    Ok((range, response))
}

/// A time as HTTP has it, which knows none before 1970 or after 9999; disks do.
fn http_date(time: SystemTime) -> HttpDate {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST).into()
}

/// What a file of this name holds, going by its ending.
fn media_type(name: &str) -> &'static str {
    let guess = mime_guess::from_path(name).first_raw();
    guess.unwrap_or("application/octet-stream")
}

/// The digest of a file, and where its hash tree is.
pub(super) fn name_content(headers: &mut Headers, sha1: Sha1, root: Option<TigerRoot>) {
    headers.push(CONTENT_URN, format_args!("urn:sha1:{sha1}"));
    if let Some(root) = root {
        headers.push(
            THEX_URI,
            format_args!("/uri-res/N2X?urn:sha1:{sha1};{root}"),
        );
    }
}

/// The part of an unfinished file that is asked for, and the head to send it with: from the byte asked for as far as what is
/// there goes.
///
/// # Errors
/// The refusal, which tells what is there, if that byte is not.
pub(super) fn offer_unfinished(
    request: &Request,
    sha1: Sha1,
    offered: &Offered,
) -> Result<(ByteRange, Response), Response> {
    let size = offered.size;
    let name = |mut response: Response| {
        name_content(&mut response.headers, sha1, Some(offered.tree.root()));
        response.with("X-Available-Ranges", tell_available(&offered.proven))
    };
    let asked = request.headers.get("Range").unwrap_or("bytes=0-");
    let asked = ByteRange::parse(asked, size).map(|ranges| ranges[0]);
    let part = match asked {
        Ok(asked) => offered
            .proven
            .around(asked.start)
            .map(|there| there.shared(asked)),
        Err(RangeError::Malformed) => return Err(refusal(Status::BAD_REQUEST)),
        Err(RangeError::Unsatisfiable) => None,
    };
    let Some(range) = part.filter(|part| !part.is_empty()) else {
        let refusal = refusal(Status::RANGE_NOT_SATISFIABLE);
        return Err(name(
            refusal.with("Content-Range", format_args!("bytes */{size}")),
        ));
    };
    let total = Some(size);
    let response = Response::new(Status::PARTIAL)
        .with("Content-Range", ContentRange { range, total })
        .with("Content-Length", range.len())
        .with("Accept-Ranges", "bytes")
        .with("Content-Type", media_type(&offered.name));
    Ok((range, name(response)))
}

/// Why a range cannot be served. gtk-gnutella sends the last byte instead of 416, which nobody asked for.
fn unfit(error: RangeError, file: &SharedFile) -> Response {
    match error {
        RangeError::Malformed => refusal(Status::BAD_REQUEST),
        RangeError::Unsatisfiable => refusal(Status::RANGE_NOT_SATISFIABLE)
            .with("Content-Range", format_args!("bytes */{}", file.size)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn file(size: u64) -> SharedFile {
        SharedFile {
            index: 1,
            root: Path::new("/").into(),
            relative: "été.mp3".into(),
            name: "été.mp3".to_owned(),
            size,
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777),
            sha1: None,
            tree: None,
        }
    }

    fn offered(range: &str, size: u64) -> Result<(u64, u64, u16), u16> {
        let request = Request::get("/").with("Range", range);
        offer(&request, &file(size))
            .map(|(range, response)| (range.start, range.end, response.status.0))
            .map_err(|response| response.status.0)
    }

    #[test]
    fn what_is_not_for_us_is_refused() {
        for (head, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
                400,
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                400,
            ),
            ("hello\r\n\r\n", 400),
        ] {
            let refused = admit(head.as_bytes()).map_err(|status| status.0);
            assert_eq!(refused.expect_err(head), status, "{head:?}");
        }
        assert!(admit(b"GET / HTTP/1.0\n\n").is_ok());
    }

    #[test]
    fn an_empty_file_is_kept_from_gtk_gnutella_only() {
        let gtk = "gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)";
        assert!(is_fatal(&file(0), gtk));
        assert!(!is_fatal(&file(1), gtk));
        assert!(!is_fatal(&file(0), "servent/0.1.0"));
        assert!(!is_fatal(&file(0), ""));
    }

    #[test]
    fn the_part_asked_for_is_offered() {
        assert_eq!(offered("bytes=10-19", 100), Ok((10, 20, 206)));
        assert_eq!(offered("bytes=500-,-1", 100), Ok((99, 100, 206)));
        assert_eq!(offered("bytes=100-", 100), Err(416));
        assert_eq!(offered("bytes=0-", 0), Err(416));
        assert_eq!(offered("nonsense", 100), Err(400));
    }

    #[test]
    fn a_file_may_be_of_any_time() {
        let far = Duration::from_secs(300_000_000_000);
        for (modified, told) in [
            (UNIX_EPOCH - far / 100, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH + far, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let file = SharedFile {
                modified,
                ..file(1)
            };
            let (_, response) = offer(&Request::get("/"), &file).expect("it can be served");
            assert_eq!(response.headers.get("Last-Modified"), Some(told));
        }
    }

    #[test]
    fn a_refused_range_tells_the_size() {
        let request = Request::get("/").with("Range", "bytes=7-");
        let refused = offer(&request, &file(7)).expect_err("it lies beyond the end");
        assert_eq!(refused.headers.get("Content-Range"), Some("bytes */7"));
    }

    #[test]
    fn the_head_tells_what_servents_ask_for() {
        let mut file = file(100);
        let request = Request::get("/").with("Range", "bytes=-5");
        let (_, response) = offer(&request, &file).expect("it can be served");
        assert_eq!(response.headers.get(CONTENT_URN), None);
        file.sha1 = Some(crate::wire::Sha1([0; 20]));
        let (_, response) = offer(&request, &file).expect("it can be served");
        let zeros = "A".repeat(32);
        for (name, value) in [
            ("Content-Length", "5"),
            ("Content-Range", "bytes 95-99/100"),
            ("Content-Type", "audio/mpeg"),
            ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (
                "Content-Disposition",
                "inline; filename*=UTF-8''%C3%A9t%C3%A9.mp3",
            ),
            (CONTENT_URN, &format!("urn:sha1:{zeros}")),
        ] {
            assert_eq!(response.headers.get(name), Some(value));
        }
    }

    #[test]
    fn a_range_of_an_older_file_is_answered_with_the_whole() {
        let request = Request::get("/").with("Range", "bytes=5-");
        let stale = request.with("If-Range", "Sun, 06 Nov 1994 08:49:36 GMT");
        let (range, response) = offer(&stale, &file(9)).expect("it can be served");
        assert_eq!((range.start, response.status), (0, Status::OK));
    }
}
