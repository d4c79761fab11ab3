//! Both sides against each other, against recorded strangers, and against damage.

mod agreed;
mod damage;
mod deflated;
mod recorded;
mod refused;
mod roles;

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::BytesMut;

use super::*;
use crate::wire::{Guid, WireError};
use recorded::*;

const REMOTE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(44, 9, 9, 9), 51_000);

fn greeting(byte: u8) -> Greeting {
    Greeting {
        agent: format!("servent/{byte}"),
        guid: Guid([byte; 16]),
        role: Role::Ultrapeer,
        guidable: false,
        listen: Some(SocketAddrV4::new(Ipv4Addr::new(44, 1, 1, byte), 6346)),
        degree: 32,
        max_ttl: 4,
        deflate: true,
        relays: false,
    }
}

fn vacancy() -> Vacancy {
    Vacancy {
        free: 1,
        leaves: 1,
        ..Vacancy::default()
    }
}

fn hosts<const N: usize>(texts: [&str; N]) -> Vec<SocketAddrV4> {
    texts.map(|text| text.parse().expect("an address")).to_vec()
}

fn caller() -> Caller {
    Caller::new(greeting(1), REMOTE).0
}

fn answerer() -> Answerer {
    Answerer::new(greeting(2), REMOTE, vacancy())
}

/// What the dialling side makes of an answer.
fn answered(text: &str) -> Result<Step, WireError> {
    caller().feed(&mut text.into())
}

/// What the answering side says to a hello, and makes of the last word.
fn greeted(hello: &str, last_word: &str) -> (String, Step) {
    let mut answerer = answerer();
    let Step::Say(answer) = answerer.feed(&mut hello.into()).expect("a valid hello") else {
        panic!("no answer to {hello}");
    };
    let step = answerer.feed(&mut last_word.into());
    (answer, step.expect("a valid last word"))
}

fn agreement_of(step: Step) -> Agreement {
    match step {
        Step::Agreed(_, agreement) => *agreement,
        other => panic!("not agreed: {other:?}"),
    }
}

fn refusal_of(step: Step) -> Refusal {
    match step {
        Step::Refused(_, refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Both sides in memory: the caller's last step, the answerer's last step.
fn converse(caller: Greeting, answerer: Greeting, vacancy: Vacancy) -> (Step, Step) {
    let caller_at = SocketAddrV4::new(Ipv4Addr::new(44, 1, 1, 1), 50_000);
    let answerer_at = SocketAddrV4::new(Ipv4Addr::new(44, 1, 1, 2), 6346);
    let (mut caller, hello) = Caller::new(caller, answerer_at);
    let mut answerer = Answerer::new(answerer, caller_at, vacancy);
    let step = answerer.feed(&mut hello[..].into()).expect("a valid hello");
    let answer = match &step {
        Step::Say(answer) => answer,
        Step::Refused(answer, _) => {
            let heard = caller
                .feed(&mut answer[..].into())
                .expect("a valid refusal");
            return (heard, step);
        }
        other => panic!("{other:?}"),
    };
    let last = caller.feed(&mut answer[..].into()).expect("a valid answer");
    let (Step::Agreed(word, _) | Step::Refused(word, _)) = &last else {
        panic!("{last:?}");
    };
    let end = answerer
        .feed(&mut word[..].into())
        .expect("a valid last word");
    (last, end)
}

#[test]
fn an_address_nobody_can_dial_is_not_said() {
    for listen in [None, Some("0.0.0.0:6346"), Some("44.1.1.1:0")] {
        let greeting = Greeting {
            listen: listen.map(|text| text.parse().expect("an address")),
            ..greeting(1)
        };
        assert!(!Caller::new(greeting, REMOTE).1.contains("Listen-IP"));
    }
}

#[test]
fn all_we_say_stays_within_what_limewire_reads() {
    let crowd: Vec<SocketAddrV4> = (1..=100)
        .map(|port| SocketAddrV4::new(Ipv4Addr::new(255, 255, 255, 0), 65_000 + port))
        .collect();
    let offered = Vacancy {
        hosts: crowd,
        ..vacancy()
    };
    let (_, hello) = Caller::new(greeting(1), REMOTE);
    let mut answerer = Answerer::new(greeting(2), REMOTE, offered);
    let Ok(Step::Say(answer)) = answerer.feed(&mut hello[..].into()) else {
        panic!("no answer");
    };
    for text in [&hello, &answer] {
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines[lines.len() - 2..],
            ["", ""],
            "one blank line, at the end"
        );
        let headers = &lines[1..lines.len() - 2];
        assert!(headers.len() <= 30);
        for line in headers {
            let (name, value) = line.split_once(": ").expect("a name and a value");
            assert!(!name.starts_with(' ') && !value.is_empty() && line.len() < 1024);
        }
        for wanted in [
            "User-Agent: servent/",
            "X-Ultrapeer: True",
            "X-Query-Routing: 0.1",
            "X-Ultrapeer-Query-Routing: 0.1",
            "X-Dynamic-Querying: 0.1",
            "X-Degree: 32",
            "X-Max-TTL: 4",
            "X-Requeries: False",
            "Vendor-Message: 0.2",
            "GGEP: 0.5",
            "Pong-Caching: 0.1",
            "Bye-Packet: 0.1",
            "Accept-Encoding: deflate\r\n",
            "Listen-IP: 44.1.1.",
            "Remote-IP: 44.9.9.9\r\n",
            "X-Ext-Probes: 0.1",
            "GUID: 0",
        ] {
            assert!(
                text.contains(&format!("\r\n{wanted}")),
                "{wanted} is missing"
            );
        }
    }
    assert!(
        answer.starts_with("GNUTELLA/0.6 200 OK\r\n"),
        "the words are not optional there"
    );
}
