//! Answers to a Push.

use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

use crate::caller::Caller;
use crate::ends;
use crate::house::{House, v4};

#[tokio::test]
async fn a_push_is_answered_with_giv_and_the_file() {
    ends(async {
        let house = House::open(1).await;
        let file = house.share("a b.mp3", b"alpha");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        for (index, name) in [(file.index, "a%20b.mp3"), (file.index + 7, "file")] {
            let giving = tokio::spawn(house.uploads.clone().give(addr, index));
            let (stream, _) = listener.accept().await.expect("it connects");
            let mut stream = BufReader::with_capacity(1, stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("it speaks");
            assert_eq!(line, format!("GIV {index}:{}/{name}\n", "AB".repeat(16)));
            line.clear();
            stream.read_line(&mut line).await.expect("it speaks");
            assert_eq!(line, "\n");
            let mut caller = Caller::on(stream.into_inner()).await;
            caller
                .get(&format!("/get/{}/a b.mp3", file.index), "")
                .await;
            assert_eq!(caller.answer().await.1, b"alpha");
            drop(caller);
            giving.await.expect("it ends with the connection");
        }
    })
    .await;
}
