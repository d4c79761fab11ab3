//! Requests that want more than one answer.

use servent::transfer::http::Status;

use crate::caller::Caller;
use crate::ends;
use crate::house::{House, noise};

/// Who asks, in a body that a server along the way might not have seen.
const HIDDEN: &str = "GET /get/0/hidden HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_thousand_ranges_are_one_answer() {
    ends(async {
        let house = House::open(10).await;
        let bytes = noise(100_000);
        let file = house.share("a", &bytes);
        let path = format!("/get/{}/a", file.index);
        let mut caller = Caller::call(house.addr).await;
        for (item, served) in [("0-", 0..100_000), ("5-6", 5..7), ("-9", 99_991..100_000)] {
            let ranges = [item; 1_000].join(",");
            caller
                .get(&path, &format!("Range: bytes={ranges}\r\n"))
                .await;
            let (head, body) = caller.answer().await;
            assert_eq!(head.status, Status::PARTIAL);
            assert!(body == bytes[served], "{item}");
        }
        for nothing in ["200000-", "100000-100000"] {
            let ranges = [nothing; 500].join(",");
            caller
                .get(&path, &format!("Range: bytes={ranges}\r\n"))
                .await;
            let (head, _) = caller.answer().await;
            assert_eq!(head.status, Status::RANGE_NOT_SATISFIABLE);
        }
        assert_eq!(house.uploads.list().len(), 1, "one upload at a time");
    })
    .await;
}

#[tokio::test]
async fn no_request_hides_behind_another() {
    ends(async {
        let house = House::open(10).await;
        house.share("hidden", b"hidden");
        let long = HIDDEN.len();
        for lines in [
            format!("Content-Length: {long}"),
            format!("content-length:{long}"),
            format!("Content-Length: +{long}"),
            format!("Content-Length: 0x{long:x}"),
            format!("Content-Length: {long}, {long}"),
            format!("Content-Length: 0\r\nContent-Length: {long}"),
            format!("Content-Length: {long}\r\nContent-Length: 0"),
            format!("Content-Length : {long}"),
            format!("X: a\r\n Content-Length: {long}"),
            format!("X: a\nContent-Length: {long}"),
            format!("X: a\rContent-Length: {long}"),
            format!("Content-Length\0: {long}"),
            "Content-Length: -1".to_owned(),
            "Content-Length:".to_owned(),
            "Transfer-Encoding: chunked".to_owned(),
            "Transfer-Encoding: identity".to_owned(),
            "Transfer-Encoding: xchunked".to_owned(),
            "Transfer-Encoding:\tchunked".to_owned(),
            "Transfer-Encoding : chunked".to_owned(),
            "Transfer-Encoding:\u{b}chunked".to_owned(),
            "Transfer-Encoding: identity, chunked".to_owned(),
            format!("Transfer-Encoding: chunked\r\nContent-Length: {long}"),
            format!("Content-Length: {long}\r\ntRANSFER-eNCODING: chunked"),
            "Host: b".to_owned(),
            "no colon".to_owned(),
        ] {
            let mut caller = Caller::call(house.addr).await;
            caller
                .say(&format!(
                    "GET /get/0/hidden HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{HIDDEN}"
                ))
                .await;
            let said = caller.rest().await;
            let said = String::from_utf8_lossy(&said);
            assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{lines:?}: {said}");
            assert!(said.starts_with("HTTP/1.1 400 "), "{lines:?}: {said}");
        }
    })
    .await;
}
