//! A peer that is no servent: it shakes hands properly and then does what the test wants.

use std::net::SocketAddrV4;

use bytes::BytesMut;
use servent::rng::Rng;
use servent::wire::deflate::Inflater;
use servent::wire::handshake::{Agreement, Caller, Greeting, Refusal, Role, Step};
use servent::wire::{Bye, Descriptor, DescriptorCodec, Guid, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::Decoder;

pub(crate) struct Stranger {
    pub(crate) socket: TcpStream,
    pub(crate) agreement: Agreement,
    unread: BytesMut,
    plain: BytesMut,
    inflater: Option<Inflater>,
}

impl Stranger {
    /// Calls a servent as an ultrapeer.
    pub(crate) async fn call(addr: SocketAddrV4, deflate: bool) -> Result<Self, Refusal> {
        let greeting = Greeting {
            agent: "Stranger/1.0".to_owned(),
            guid: Guid::random(&mut Rng::system()),
            role: Role::Ultrapeer,
            guidable: false,
            listen: None,
            degree: 32,
            max_ttl: 7,
            deflate,
            relays: false,
        };
        let mut socket = TcpStream::connect(addr).await.expect("it listens");
        let (mut caller, hello) = Caller::new(greeting, addr);
        socket.write_all(hello.as_bytes()).await.expect("it reads");
        let mut unread = BytesMut::new();
        let agreement = loop {
            match caller.feed(&mut unread).expect("a good handshake") {
                Step::More => {
                    assert_ne!(socket.read_buf(&mut unread).await.expect("it answers"), 0);
                }
                Step::Say(text) => socket.write_all(text.as_bytes()).await.expect("it reads"),
                Step::Agreed(text, agreement) => {
                    socket.write_all(text.as_bytes()).await.expect("it reads");
                    break *agreement;
                }
                Step::Refused(_, refusal) => return Err(refusal),
            }
        };
        let inflater = agreement.deflate_in.then(Inflater::new);
        Ok(Self {
            socket,
            agreement,
            unread,
            plain: BytesMut::new(),
            inflater,
        })
    }

    /// The next descriptor; none at the end of the link.
    pub(crate) async fn hear(&mut self) -> Option<Descriptor> {
        loop {
            match &mut self.inflater {
                None => self.plain.unsplit(self.unread.split()),
                Some(inflater) => {
                    while inflater
                        .inflate(&mut self.unread, &mut self.plain, 4096)
                        .expect("a good stream")
                        > 0
                    {}
                }
            }
            if let Some(descriptor) = DescriptorCodec.decode(&mut self.plain).expect("good") {
                return Some(descriptor);
            }
            // A reset counts as an end too.
            if !matches!(self.socket.read_buf(&mut self.unread).await, Ok(1..)) {
                return None;
            }
        }
    }

    /// Hears until the end of the link; returns the Bye, if there was one.
    pub(crate) async fn hear_out(&mut self) -> Option<Bye> {
        let mut bye = None;
        while let Some(descriptor) = self.hear().await {
            if descriptor.header.kind == Kind::Bye {
                bye = Some(Bye::decode(&descriptor.payload).expect("a good Bye"));
            }
        }
        bye
    }
}
