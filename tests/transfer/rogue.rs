//! Sources that are not as they should be: each serves one file in its own manner.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use servent::thex::Tree;
use servent::transfer::http::{ByteRange, Request, head_end};
use servent::wire::Guid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{digest, tree, v4};

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// One block of 64 KiB in so many is wrong.
    Lies(u64),
    /// It breaks off after so many bytes of each answer.
    BreaksOff(u64),
    /// It falls silent after so many bytes of each answer.
    FallsSilent(u64),
    /// It never answers.
    Mute,
    /// 404.
    Refuses,
    /// It says that it sends other bytes than it was asked for.
    OtherRange,
    /// It has another file of the same size, and says so.
    OtherFile,
    /// It has only the first half, and says so.
    Half,
    /// It has a tree, but of another file.
    FalseTree,
}

/// A source.
pub(crate) struct Rogue {
    pub(crate) addr: SocketAddrV4,
    /// Bytes of bodies it has sent, and how many of them were wrong.
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) wrong: Arc<AtomicU64>,
}

struct Play {
    manner: Manner,
    bytes: Vec<u8>,
    tree: Tree,
    urn: String,
    sent: Arc<AtomicU64>,
    wrong: Arc<AtomicU64>,
}

impl Rogue {
    /// A source of these bytes; it serves until the test ends.
    pub(crate) async fn open(manner: Manner, bytes: &[u8]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let (sent, wrong) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let whole = bytes.len();
        let play = Play {
            manner,
            bytes: bytes.to_vec(),
            tree: match manner {
                Manner::FalseTree => tree(&vec![7; whole]),
                _ => tree(bytes),
            },
            urn: match manner {
                Manner::OtherFile => digest(b"another").to_string(),
                _ => digest(bytes).to_string(),
            },
            sent: sent.clone(),
            wrong: wrong.clone(),
        };
        let play = Arc::new(play);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let play = play.clone();
                tokio::spawn(async move { play.serve(stream).await });
            }
        });
        Self { addr, sent, wrong }
    }
}

impl Play {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut ahead = Vec::new();
        loop {
            while head_end(&ahead, 0).ok().flatten().is_none() {
                if stream.read_buf(&mut ahead).await? == 0 {
                    return Ok(());
                }
            }
            let end = head_end(&ahead, 0).ok().flatten().expect("it is there");
            let request = Request::parse(&ahead[..end]).expect("a request");
            ahead.drain(..end);
            if request.path.contains("N2X") {
                let body = self.tree.encode(Guid([9; 16]));
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat()).await?;
            } else if !self.answer(&mut stream, &request).await? {
                return Ok(());
            }
        }
    }

    /// Answers; whether the connection goes on.
    async fn answer(&self, stream: &mut TcpStream, request: &Request) -> std::io::Result<bool> {
        let size = self.bytes.len() as u64;
        let asked = request.headers.get("Range").expect("a range is asked for");
        let asked = ByteRange::parse(asked, size).expect("of the file")[0];
        let named = format!(
            "X-Gnutella-Content-URN: urn:sha1:{0}\r\nX-Thex-URI: /uri-res/N2X?urn:sha1:{0};{1}\r\n",
            self.urn,
            self.tree.root()
        );
        let (mut from, until) = (asked.start, asked.end);
        match self.manner {
            Manner::Mute => std::future::pending().await,
            Manner::Refuses => {
                let refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(refusal.as_bytes()).await?;
                return Ok(true);
            }
            Manner::OtherRange => from = (from + 1).min(until - 1),
            Manner::Half if from >= size / 2 => {
                let there = size / 2 - 1;
                let refusal = format!(
                    "HTTP/1.1 416 No\r\nContent-Length: 0\r\nX-Available-Ranges: bytes 0-{there}\r\n{named}\r\n"
                );
                stream.write_all(refusal.as_bytes()).await?;
                return Ok(true);
            }
            _ => {}
        }
        let until = if self.manner == Manner::Half {
            until.min(size / 2)
        } else {
            until
        };
        let head = format!(
            "HTTP/1.1 206 OK\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{size}\r\n{named}\r\n",
            until - from,
            until - 1
        );
        stream.write_all(head.as_bytes()).await?;
        let mut body = self.bytes[from as usize..until as usize].to_vec();
        let mut spoilt = 0;
        if let Manner::Lies(every) = self.manner {
            for (at, byte) in (from..until).zip(&mut body) {
                if (at / 65_536).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff
                    < 0x1_0000 / every
                {
                    *byte ^= 0x55;
                    spoilt += 1;
                }
            }
        }
        let limit = match self.manner {
            Manner::BreaksOff(limit) | Manner::FallsSilent(limit) => limit.min(body.len() as u64),
            _ => body.len() as u64,
        };
        // In small pieces, so that no source has sent all before the others have begun.
        for piece in body[..limit as usize].chunks(16 * 1024) {
            stream.write_all(piece).await?;
            self.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        self.wrong.fetch_add(spoilt, Ordering::SeqCst);
        match self.manner {
            Manner::BreaksOff(_) => Ok(false),
            Manner::FallsSilent(_) if limit < body.len() as u64 => std::future::pending().await,
            _ => Ok(true),
        }
    }
}
