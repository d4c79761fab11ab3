//! All the files of a house, for servents and for people.

use std::net::Ipv4Addr;

use bytes::BytesMut;
use servent::transfer::browse;
use servent::transfer::http::Status;
use servent::wire::{Descriptor, DescriptorCodec, Guid, Kind, QueryHit, Record, Trailer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_util::codec::Encoder;

use crate::caller::Caller;
use crate::ends;
use crate::house::{House, v4};

#[tokio::test]
async fn a_servent_is_told_all_files() {
    ends(async {
        let house = House::open(1).await;
        assert_eq!(browse(house.addr, "test/1").await.expect("it answers"), []);
        let mut names: Vec<String> = (0..2_500).map(|n| format!("file {n:04} é.txt")).collect();
        for name in &names {
            house.share(name, name.as_bytes());
        }
        let hits = browse(house.addr, "test/1").await.expect("it answers");
        let mut told = Vec::new();
        for hit in &hits {
            assert_eq!((hit.addr, hit.trailer.push), (house.addr, Some(false)));
            assert_eq!(hit.servent.0, [0xab; 16]);
            for record in &hit.records {
                assert_eq!(record.size, record.name.len() as u64);
                assert!(record.sha1().is_some());
                told.push(record.name.clone());
            }
        }
        told.sort();
        names.sort();
        assert_eq!(told, names);
    })
    .await;
}

#[tokio::test]
async fn a_person_is_told_all_files() {
    ends(async {
        let house = House::open(1).await;
        let file = house.share("<b>&\"'.txt", b"alpha");
        house.share_zeros("é?", 7);
        let mut caller = Caller::call(house.addr).await;
        caller.say("GET / HTTP/1.0\r\n\r\n").await;
        let head = caller.head().await;
        assert_eq!(head.status, Status::OK);
        assert_eq!(
            head.headers.get("Content-Type"),
            Some("text/html; charset=utf-8")
        );
        let html = String::from_utf8(caller.rest().await).expect("it is UTF-8");
        let sha1 = file.sha1.expect("hashed");
        for part in [
            format!("<a href=\"/uri-res/N2R?urn:sha1:{sha1}\">&lt;b&gt;&amp;&quot;'.txt</a>"),
            "/%C3%A9%3F\">é?</a> 7 bytes".to_owned(),
            "</html>".to_owned(),
        ] {
            assert!(html.contains(&part), "{part} in {html}");
        }
    })
    .await;
}

#[tokio::test]
async fn refusals_and_nonsense_are_named() {
    ends(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let packets = "HTTP/1.1 200 OK\r\nContent-Type: application/x-gnutella-packets\r\n";
        for (answer, words) in [
            (
                "HTTP/1.1 403 Browse Host Disabled\r\n\r\n",
                "403 Browse Host Disabled",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
                "query hits",
            ),
            (
                &format!("{packets}Content-Encoding: deflate\r\n\r\n"),
                "query hits",
            ),
            (&format!("{packets}\r\n{}", "x".repeat(40)), "limit"),
            (&format!("{packets}\r\nx"), "amid a hit"),
            (&format!("{packets}Content-Length: 9\r\n\r\n"), "broke off"),
            ("what?\r\n\r\n", "malformed"),
            ("", "broke off"),
        ] {
            let browsing = tokio::spawn(browse(addr, "test/1"));
            let (mut stream, _) = listener.accept().await.expect("it connects");
            stream
                .write_all(answer.as_bytes())
                .await
                .expect("it listens");
            stream.shutdown().await.expect("it listens");
            let error = browsing.await.expect("no panic").expect_err(words);
            assert!(error.to_string().contains(words), "{error} names {words}");
        }
        drop(listener);
        browse(addr, "test/1").await.expect_err("nobody is there");
    })
    .await;
}

#[tokio::test]
async fn of_an_endless_list_the_beginning_is_enough() {
    ends(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let record = Record {
            index: 1,
            size: 1,
            name: "a".to_owned(),
            extensions: Default::default(),
        };
        let hit = QueryHit {
            addr,
            speed: 0,
            records: vec![record; 250],
            trailer: Trailer::default(),
            servent: Guid([1; 16]),
        };
        let mut packet = BytesMut::new();
        let hit = Descriptor::new(Guid::ZERO, Kind::QueryHit, 1, hit.encode());
        DescriptorCodec
            .encode(hit, &mut packet)
            .expect("written to memory");
        let browsing = tokio::spawn(browse(addr, "test/1"));
        let (mut stream, _) = listener.accept().await.expect("it connects");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-gnutella-packets\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("it listens");
        // It goes on until nobody listens any more.
        while stream.write_all(&packet).await.is_ok() {}
        let hits = browsing.await.expect("no panic").expect("a list");
        let files: usize = hits.iter().map(|hit| hit.records.len()).sum();
        assert_eq!(files, 100_000);
    })
    .await;
}
