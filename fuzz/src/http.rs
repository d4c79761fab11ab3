//! Transfers: heads, ranges, bodies in chunks, GIV.

use bytes::BytesMut;
use servent::transfer::http::{
    ByteRange, ContentRange, Framing, Giv, HeadError, Method, Request, Response, head_end,
};

/// A request, up to and with its blank line.
pub fn request(bytes: &[u8]) {
    let Some(request) = head(bytes, Request::parse) else {
        return;
    };
    let _ = request.target();
    if request.method != Method::Other {
        assert_eq!(Request::parse(&request.encode()), Ok(request));
    }
}

/// A response, up to and with its blank line, and how its body ends.
pub fn response(bytes: &[u8]) {
    let Some(response) = head(bytes, Response::parse) else {
        return;
    };
    let _ = response.framing();
    assert_eq!(Response::parse(&response.encode()), Ok(response));
}

/// A body in chunks. It is the same, whether its bytes come at once or in two pieces.
pub fn chunks(stream: &[u8]) {
    let take = |pieces: &[&[u8]]| {
        let (mut ahead, mut body) = (BytesMut::new(), BytesMut::new());
        let mut framing = Framing::chunked();
        for piece in pieces {
            ahead.extend_from_slice(piece);
            framing.take(&mut ahead, &mut body, usize::MAX)?;
        }
        Ok::<_, HeadError>((framing, body, ahead))
    };
    let (first, second) = stream.split_at(stream.len() / 2);
    let whole = take(&[stream]);
    assert_eq!(take(&[first, second]), whole);
    if let Ok((_, body, ahead)) = whole {
        assert!(body.len() + ahead.len() <= stream.len());
    }
}

/// The values of Range and Content-Range.
pub fn range(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    for size in [0, 1, 100, u64::MAX] {
        for range in ByteRange::parse(&text, size).unwrap_or_default() {
            assert!(range.start < range.end && range.end <= size, "{range:?}");
        }
    }
    if let Some(said) = ContentRange::parse(&text) {
        assert!(!said.range.is_empty());
        assert_eq!(ContentRange::parse(&said.to_string()), Some(said));
    }
    let _ = ContentRange::parse_unsatisfied(&text);
}

/// The line that answers a Push.
pub fn giv(line: &[u8]) {
    if let Ok(giv) = String::from_utf8_lossy(line).parse::<Giv>() {
        let written = giv.to_string();
        assert!(!written.contains(['\r', '\n']));
        assert_eq!(written.parse(), Ok(giv));
    }
}

/// The head that `bytes` begin with, if there is one.
fn head<T>(bytes: &[u8], parse: fn(&[u8]) -> Result<T, HeadError>) -> Option<T> {
    let end = head_end(bytes, 0).ok()??;
    parse(&bytes[..end]).ok()
}
