//! Refusals, ours and theirs.

use super::*;

#[test]
fn a_full_servent_refuses_and_names_others() {
    let full = Vacancy {
        hosts: hosts(["44.7.7.7:7", "44.8.8.8:8"]),
        ..Vacancy::default()
    };
    let (caller, answerer) = converse(greeting(1), greeting(2), full.clone());
    let expected = Refusal {
        code: 503,
        reason: "No free slots".to_owned(),
        hosts: full.hosts,
    };
    assert_eq!(refusal_of(caller), expected);
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
    assert_eq!(
        (refusal_of(caller).code, refusal_of(answerer).code),
        (409, 409)
    );
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
    assert_eq!(
        (refusal_of(caller).code, refusal_of(answerer).code),
        (503, 503)
    );
}

#[test]
fn servents_of_another_network_get_no_slot() {
    for (header, code) in [
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
fn a_crawler_hears_of_our_neighbours_and_gets_no_slot() {
    let at = |number: u32| SocketAddrV4::new((0x2c00_0000 + number).into(), 65_535);
    let vacancy = Vacancy {
        ultrapeers: (0..32).map(at).collect(),
        leaves_at: (1_000..1_300).map(at).collect(),
        ..vacancy()
    };
    let expected = (vacancy.ultrapeers.clone(), vacancy.leaves_at.clone());
    let mut answerer = Answerer::new(greeting(1), REMOTE, vacancy);
    let hello = "GNUTELLA CONNECT/0.6\r\nCrawler: 0.1\r\n\r\n";
    let step = answerer.feed(&mut hello.into()).expect("valid");
    let Step::Refused(answer, refusal) = step else {
        panic!("{step:?}");
    };
    assert_eq!(refusal.code, 593);
    assert!(answer.starts_with("GNUTELLA/0.6 593 Hi\r\n"));
    let (_, lines) = answer.split_once('\n').expect("lines");
    let headers = Headers::parse(lines.as_bytes());
    let told = |name| {
        let all = headers.get(name).expect("a list");
        let hosts = all.split(", ").flat_map(|line| line.split(','));
        let hosts: Vec<SocketAddrV4> = hosts.map(|host| host.parse().expect("a host")).collect();
        hosts
    };
    assert_eq!((told("Peers"), told("Leaves")), expected);
    assert!(lines.lines().all(|line| line.len() <= 1_000));
    assert!(lines.lines().count() <= 30, "what LimeWire reads");
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
    assert_eq!(refusal_of(answered(text).expect("valid")), expected);
    let (_, step) = greeted("GNUTELLA CONNECT/0.6\n\n", text);
    assert_eq!(refusal_of(step), expected);
    assert_eq!(expected.to_string(), "503 Too many leaves");
}

#[test]
fn a_0_4_answer_is_no_link() {
    for answer in ["GNUTELLA OK\n\n", "GNUTELLA OK\r\n\r\n"] {
        assert_eq!(refusal_of(answered(answer).expect("valid")).code, 406);
    }
    assert_eq!(
        answered("HTTP/1.1 400 Bad Request\r\n\r\n"),
        Err(WireError::BadHandshake)
    );
}
