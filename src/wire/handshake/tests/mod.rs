//! Both sides against each other, against recorded strangers, and against damage.

mod damage;
mod recorded;

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
        listen: Some(SocketAddrV4::new(Ipv4Addr::new(44, 1, 1, byte), 6346)),
        degree: 32,
        max_ttl: 4,
        deflate: true,
    }
}

fn vacancy() -> Vacancy {
    Vacancy {
        free: 1,
        hosts: Vec::new(),
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

fn agreement(step: Step) -> Agreement {
    match step {
        Step::Agreed(_, agreement) => *agreement,
        other => panic!("not agreed: {other:?}"),
    }
}

fn refusal(step: Step) -> Refusal {
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
fn two_of_us_learn_all_of_each_other() {
    let named = hosts(["44.7.7.7:7", "44.8.8.8:8"]);
    let offered = Vacancy {
        free: 1,
        hosts: named.clone(),
    };
    let (caller, answerer) = converse(greeting(1), greeting(2), offered);
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        agent: "servent/2".to_owned(),
        listen: Some("44.1.1.2:6346".parse().expect("an address")),
        seen_as: Some(Ipv4Addr::new(44, 1, 1, 1)),
        guid: Some(Guid([2; 16])),
        deflate_out: true,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        max_ttl: 4,
        degree: 32,
        hosts: named,
    };
    assert_eq!(agreement(caller), expected);
    let mirrored = Agreement {
        agent: "servent/1".to_owned(),
        listen: Some("44.1.1.1:6346".parse().expect("an address")),
        seen_as: Some(Ipv4Addr::new(44, 1, 1, 2)),
        guid: Some(Guid([1; 16])),
        hosts: Vec::new(),
        ..expected
    };
    assert_eq!(agreement(answerer), mirrored);
}

#[test]
fn a_link_is_deflated_when_both_sides_want_it() {
    for (here, there) in [(false, false), (false, true), (true, false), (true, true)] {
        let with = |byte, deflate| Greeting {
            deflate,
            ..greeting(byte)
        };
        let (caller, answerer) = converse(with(1, here), with(2, there), vacancy());
        for step in [caller, answerer] {
            let agreement = agreement(step);
            let both = here && there;
            assert_eq!((agreement.deflate_out, agreement.deflate_in), (both, both));
        }
    }
}

#[test]
fn each_direction_is_deflated_by_itself() {
    for (accepts, deflates) in [(false, false), (false, true), (true, false), (true, true)] {
        let accept = if accepts {
            "Accept-Encoding: gzip, deflate\r\n"
        } else {
            ""
        };
        let content = if deflates {
            "Content-Encoding: deflate \r\n"
        } else {
            ""
        };

        let answer = format!("GNUTELLA/0.6 200 OK\r\n{accept}{content}\r\n");
        let Ok(Step::Agreed(word, agreement)) = answered(&answer) else {
            panic!("refused {answer}");
        };
        assert_eq!(
            (agreement.deflate_out, agreement.deflate_in),
            (accepts, deflates)
        );
        assert_eq!(word.contains("Content-Encoding: deflate\r\n"), accepts);

        let hello = format!("GNUTELLA CONNECT/0.6\r\n{accept}\r\n");
        let word = format!("GNUTELLA/0.6 200 OK\r\n{content}\r\n");
        let (answer, step) = greeted(&hello, &word);
        let agreement = super::tests::agreement(step);
        assert_eq!(
            (agreement.deflate_out, agreement.deflate_in),
            (accepts, deflates)
        );
        assert_eq!(answer.contains("Content-Encoding: deflate\r\n"), accepts);
    }
}

#[test]
fn a_deflated_stream_is_read_even_when_nobody_asked_for_it() {
    let plain = Greeting {
        deflate: false,
        ..greeting(1)
    };
    let (mut caller, hello) = Caller::new(plain.clone(), REMOTE);
    assert!(!hello.contains("Encoding"));
    let answer =
        "GNUTELLA/0.6 200 OK\r\nAccept-Encoding: deflate\r\nContent-Encoding: deflate\r\n\r\n";
    let agreed = agreement(caller.feed(&mut answer.into()).expect("valid"));
    assert_eq!((agreed.deflate_out, agreed.deflate_in), (false, true));

    let mut answerer = Answerer::new(plain, REMOTE, vacancy());
    let hello = "GNUTELLA CONNECT/0.6\r\nAccept-Encoding: deflate\r\n\r\n";
    assert!(
        matches!(answerer.feed(&mut hello.into()), Ok(Step::Say(answer)) if !answer.contains("Encoding"))
    );
    let word = &crlf(GTK_LAST_WORD)[..];
    let agreed = agreement(answerer.feed(&mut word.into()).expect("valid"));
    assert_eq!((agreed.deflate_out, agreed.deflate_in), (false, true));
}

#[test]
fn what_group_1_says_of_content_is_not_believed() {
    let hello = "GNUTELLA CONNECT/0.6\nContent-Encoding: deflate\n\n";
    let (_, step) = greeted(hello, "GNUTELLA/0.6 200 OK\n\n");
    assert!(!agreement(step).deflate_in);
}

#[test]
fn a_recorded_leaf_of_gtk_gnutella_is_let_in() {
    let (answer, step) = greeted(&crlf(GTK_LEAF_HELLO), &crlf(GTK_LAST_WORD));
    // "403 High Outdegree and Dynamic Querying Required", unless:
    assert!(answer.contains("\r\nX-Ultrapeer: True\r\n"));
    assert!(answer.contains("\r\nX-Dynamic-Querying: 0.1\r\n"));
    assert!(answer.contains("\r\nX-Degree: 32\r\n"));
    assert!(
        !answer.contains("X-Ultrapeer-Needed"),
        "that is for ultrapeers"
    );
    let expected = Agreement {
        version: (0, 6),
        role: Role::Leaf,
        agent: "gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)".to_owned(),
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 6346)),
        seen_as: Some(Ipv4Addr::new(44, 35, 0, 1)),
        guid: "203c3102034652c71d68882b6c16f9a2".parse().ok(),
        deflate_out: true,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        max_ttl: 4,
        degree: 32,
        hosts: Vec::new(),
    };
    assert_eq!(agreement(step), expected);
}

#[test]
fn a_recorded_ultrapeer_of_gtk_gnutella_is_joined() {
    let Ok(Step::Agreed(word, agreement)) = answered(&crlf(GTK_ULTRAPEER_ANSWER)) else {
        panic!("refused");
    };
    assert_eq!(word, crlf(GTK_LAST_WORD));
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        agent: "gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)".to_owned(),
        listen: None,
        seen_as: Some(Ipv4Addr::new(44, 36, 0, 1)),
        guid: "c71c3102fd0b90e0152d4c7eb6fefe22".parse().ok(),
        deflate_out: true,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        max_ttl: 4,
        degree: 46,
        hosts: Vec::new(),
    };
    assert_eq!(*agreement, expected);
}

#[test]
fn recorded_servents_of_gnutella_bun_are_neighbours() {
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        agent: "GnutellaBun/1.0.0".to_owned(),
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 27_002)),
        seen_as: Some(Ipv4Addr::LOCALHOST),
        guid: None,
        deflate_out: true,
        deflate_in: true,
        vendor_messages: false,
        bye: true,
        max_ttl: 4,
        degree: 64,
        hosts: Vec::new(),
    };
    let (answer, step) = greeted(&crlf(BUN_HELLO), &crlf(BUN_LAST_WORD));
    assert!(answer.contains("\r\nX-Ultrapeer-Needed: True\r\n"));
    assert_eq!(agreement(step), expected);

    let plain = Agreement {
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 27_001)),
        deflate_out: false,
        deflate_in: false,
        ..expected
    };
    let step = answered(&crlf(BUN_ANSWER)).expect("valid");
    assert_eq!(
        step,
        Step::Agreed("GNUTELLA/0.6 200 OK\r\n\r\n".to_owned(), Box::new(plain))
    );
}

#[test]
fn version_0_4_gets_its_single_line_while_there_is_room() {
    for hello in ["GNUTELLA CONNECT/0.4\n\n", "GNUTELLA CONNECT/0.4\r\n\r\n"] {
        let mut input = BytesMut::from(hello);
        input.extend_from_slice(b"\x01\x02");
        let step = answerer().feed(&mut input).expect("valid");
        assert_eq!(&input[..], b"\x01\x02", "these belong to the link");
        let Step::Agreed(answer, agreement) = step else {
            panic!("{step:?}");
        };
        assert_eq!(answer, "GNUTELLA OK\n\n");
        assert_eq!(
            (agreement.version, agreement.role),
            ((0, 4), Role::Ultrapeer)
        );
        assert!(!(agreement.deflate_in || agreement.deflate_out || agreement.bye));

        let mut full = Answerer::new(greeting(2), REMOTE, Vacancy::default());
        let step = full.feed(&mut hello.into()).expect("valid");
        assert!(
            matches!(step, Step::Refused(answer, refusal) if answer.is_empty() && refusal.code == 503)
        );
    }
}

#[test]
fn a_later_version_is_answered_as_0_6_and_an_odd_one_not_at_all() {
    for hello in ["GNUTELLA CONNECT/0.7\r\n\r\n", "GNUTELLA CONNECT/1.0\n\n"] {
        let (answer, step) = greeted(hello, "GNUTELLA/0.6 200 OK\r\n\r\n");
        assert!(answer.starts_with("GNUTELLA/0.6 200 OK\r\n"));
        assert_eq!(agreement(step).version, (0, 6));
    }
    for hello in [
        "GNUTELLA CONNECT/0.5\n\n",
        "GNUTELLA CONNECT/0.3\n\n",
        "GNUTELLA OK\n\n",
    ] {
        let step = answerer().feed(&mut hello.into());
        assert_eq!(step, Err(WireError::BadHandshake), "{hello}");
    }
}

#[test]
fn a_full_servent_refuses_and_names_others() {
    let full = Vacancy {
        free: 0,
        hosts: hosts(["44.7.7.7:7", "44.8.8.8:8"]),
    };
    let (caller, answerer) = converse(greeting(1), greeting(2), full.clone());
    let expected = Refusal {
        code: 503,
        reason: "No free slots".to_owned(),
        hosts: full.hosts,
    };
    assert_eq!(refusal(caller), expected);
    let Step::Refused(text, ours) = answerer else {
        panic!("{answerer:?}");
    };
    assert_eq!(ours, expected);
    assert_eq!(
        text,
        "GNUTELLA/0.6 503 No free slots\r\nUser-Agent: servent/2\r\nRemote-IP: 44.1.1.1\r\n\
         X-Ultrapeer: True\r\nX-Try-Ultrapeers: 44.7.7.7:7,44.8.8.8:8\r\n\r\n"
    );
}

#[test]
fn nobody_links_to_itself() {
    // Whichever side notices first: the answerer, or a caller whose answerer is another program.
    let (caller, answerer) = converse(greeting(1), greeting(1), vacancy());
    assert_eq!((refusal(caller).code, refusal(answerer).code), (409, 409));
    let mirror = format!("GNUTELLA/0.6 200 OK\r\nGUID: {}\r\n\r\n", Guid([1; 16]));
    let Ok(Step::Refused(word, refusal)) = answered(&mirror) else {
        panic!("linked to itself");
    };
    assert_eq!(refusal.code, 409);
    assert_eq!(word, "GNUTELLA/0.6 409 Connected to myself\r\n\r\n");
}

#[test]
fn two_leaves_have_nothing_to_say_to_each_other() {
    let leaf = |byte| Greeting {
        role: Role::Leaf,
        ..greeting(byte)
    };
    let (caller, answerer) = converse(leaf(1), leaf(2), vacancy());
    assert_eq!((refusal(caller).code, refusal(answerer).code), (503, 503));
    let (caller, answerer) = converse(leaf(1), greeting(2), vacancy());
    assert_eq!(agreement(caller).role, Role::Ultrapeer);
    assert_eq!(agreement(answerer).role, Role::Leaf);
}

#[test]
fn crawlers_and_servents_of_another_network_get_no_slot() {
    for (header, code) in [
        ("Crawler: 0.1", 403),
        ("Accept: application/x-gnutella2", 406),
        (
            "Accept: application/x-gnutella2, application/x-gnutella-packets",
            200,
        ),
        ("Accept: application/x-gnutella", 200),
    ] {
        let hello = format!("GNUTELLA CONNECT/0.6\r\n{header}\r\n\r\n");
        let step = answerer().feed(&mut hello[..].into()).expect("valid");
        let (Step::Say(answer) | Step::Refused(answer, _)) = step else {
            panic!("{step:?}");
        };
        assert!(
            answer.starts_with(&format!("GNUTELLA/0.6 {code} ")),
            "{header}: {answer}"
        );
    }
}

#[test]
fn a_refusal_is_read_with_its_hosts_on_either_side() {
    let text =
        "GNUTELLA/0.6 503 Too many leaves\nX-Try: 44.5.5.5:5\nX-Try-Ultrapeers: 44.6.6.6:6 x\n\n";
    let expected = Refusal {
        code: 503,
        reason: "Too many leaves".to_owned(),
        hosts: hosts(["44.6.6.6:6", "44.5.5.5:5"]),
    };
    assert_eq!(refusal(answered(text).expect("valid")), expected);
    let (_, step) = greeted("GNUTELLA CONNECT/0.6\n\n", text);
    assert_eq!(refusal(step), expected);
    assert_eq!(expected.to_string(), "503 Too many leaves");
}

#[test]
fn an_answer_may_be_terse() {
    let step = answered("GNUTELLA/0.6 200\n\n").expect("valid");
    assert_eq!(agreement(step).agent, "");
    let refused = refusal(answered("GNUTELLA/0.6 599\n\n").expect("valid"));
    assert_eq!((refused.code, &refused.reason[..]), (599, ""));
}

#[test]
fn a_0_4_answer_is_no_link() {
    for answer in ["GNUTELLA OK\n\n", "GNUTELLA OK\r\n\r\n"] {
        assert_eq!(refusal(answered(answer).expect("valid")).code, 406);
    }
    assert_eq!(
        answered("HTTP/1.1 400 Bad Request\r\n\r\n"),
        Err(WireError::BadHandshake)
    );
}

#[test]
fn guidance_makes_a_leaf_of_a_willing_newcomer_and_never_of_us() {
    let guided = "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nX-Ultrapeer-Needed: False\r\n\r\n";
    let Ok(Step::Agreed(word, _)) = answered(guided) else {
        panic!("refused");
    };
    assert_eq!(word, "GNUTELLA/0.6 200 OK\r\n\r\n");

    let hello = "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\nUser-Agent: A/1\r\n\r\n";
    let (_, step) = greeted(hello, "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: False\r\n\r\n");
    let agreement = agreement(step);
    assert_eq!((agreement.role, &agreement.agent[..]), (Role::Leaf, "A/1"));
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
        free: 1,
        hosts: crowd,
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
            "GUID: 0",
        ] {
            assert!(
                text.contains(&format!("\r\n{wanted}")),
                "{wanted} is missing"
            );
        }
        assert!(!text.contains("X-Ext-Probes"));
    }
    assert!(
        answer.starts_with("GNUTELLA/0.6 200 OK\r\n"),
        "the words are not optional there"
    );
}
