//! A neighbour of whom only the wire is real: it shakes hands, sends what it is told to, and notes what queries reach it.

use std::net::SocketAddrV4;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use servent::rng::Rng;
use servent::wire::deflate::{Deflater, Inflater};
use servent::wire::handshake::{Agreement, Caller, Greeting, Role, Step};
use servent::wire::qrp::RouteTableMessage;
use servent::wire::{Descriptor, DescriptorCodec, Guid, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;
use tokio_util::codec::{Decoder, Encoder};

use crate::stamped;

/// A query that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    /// Its number.
    pub(crate) number: u32,
    /// Microseconds since it was sent.
    pub(crate) after: u32,
}

/// The sending half of a light neighbour.
pub(crate) struct Light {
    socket: OwnedWriteHalf,
    deflater: Option<Deflater>,
}

impl Light {
    /// Joins in this role, offering all that our own servents offer. What comes is noted until the link ends.
    pub(crate) async fn call(
        to: SocketAddrV4,
        role: Role,
        began: Instant,
    ) -> (Self, JoinHandle<Vec<Receipt>>) {
        let mut socket = TcpStream::connect(to).await.expect("it listens");
        socket.set_nodelay(true).expect("a socket");
        let mut unread = BytesMut::new();
        let agreement = agree(&mut socket, &mut unread, to, role).await;
        let (read, write) = socket.into_split();
        let inflater = agreement.deflate_in.then(Inflater::new);
        let listening = tokio::spawn(listen(read, unread, inflater, began));
        let light = Self {
            socket: write,
            deflater: agreement.deflate_out.then(Deflater::new),
        };
        (light, listening)
    }

    /// Asks.
    pub(crate) async fn ask(&mut self, number: usize, began: Instant, ttl: u8, payload: Bytes) {
        self.send([stamped(number, began, ttl, payload)]).await;
    }

    /// Sends its route table, or changes of it.
    pub(crate) async fn give(&mut self, messages: &[RouteTableMessage]) {
        let mut rng = Rng::system();
        let descriptors = messages.iter().map(|message| {
            let guid = Guid::random(&mut rng);
            Descriptor::new(guid, Kind::RouteTable, 1, message.encode())
        });
        self.send(descriptors).await;
    }

    async fn send(&mut self, descriptors: impl IntoIterator<Item = Descriptor>) {
        let (mut plain, mut packed) = (BytesMut::new(), BytesMut::new());
        for descriptor in descriptors {
            DescriptorCodec
                .encode(descriptor, &mut plain)
                .expect("sound descriptors");
        }
        let bytes = match &mut self.deflater {
            None => &plain,
            Some(deflater) => {
                deflater.deflate(&plain, &mut packed);
                &packed
            }
        };
        // Whoever is let go hears no more.
        let _ = self.socket.write_all(bytes).await;
    }
}

async fn agree(
    socket: &mut TcpStream,
    unread: &mut BytesMut,
    to: SocketAddrV4,
    role: Role,
) -> Agreement {
    let greeting = Greeting {
        agent: "crowd/1.0".to_owned(),
        guid: Guid::random(&mut Rng::system()),
        role,
        guidable: false,
        listen: None,
        degree: 32,
        max_ttl: 4,
        deflate: true,
        relays: false,
    };
    let (mut caller, hello) = Caller::new(greeting, to);
    socket.write_all(hello.as_bytes()).await.expect("it reads");
    loop {
        match caller.feed(unread).expect("a good handshake") {
            Step::More => assert_ne!(socket.read_buf(unread).await.expect("it answers"), 0),
            Step::Say(text) => socket.write_all(text.as_bytes()).await.expect("it reads"),
            Step::Agreed(text, agreement) => {
                socket.write_all(text.as_bytes()).await.expect("it reads");
                return *agreement;
            }
            Step::Refused(_, refusal) => panic!("refused: {refusal}"),
        }
    }
}

async fn listen(
    mut socket: OwnedReadHalf,
    mut unread: BytesMut,
    mut inflater: Option<Inflater>,
    began: Instant,
) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    let mut plain = BytesMut::new();
    loop {
        let now = began.elapsed().as_micros() as u32;
        match &mut inflater {
            None => plain.unsplit(unread.split()),
            Some(inflater) => {
                while inflater
                    .inflate(&mut unread, &mut plain, 64 * 1024)
                    .expect("sound")
                    > 0
                {}
            }
        }
        while let Some(descriptor) = DescriptorCodec.decode(&mut plain).expect("sound") {
            if descriptor.header.kind == Kind::Query {
                let number = |at: usize| {
                    let bytes = descriptor.header.guid.0[at..].first_chunk();
                    u32::from_le_bytes(*bytes.expect("16 bytes"))
                };
                receipts.push(Receipt {
                    number: number(0),
                    after: now.wrapping_sub(number(4)),
                });
            }
        }
        // A reset counts as an end too.
        if !matches!(socket.read_buf(&mut unread).await, Ok(1..)) {
            return receipts;
        }
    }
}
