//! Bytes in any pieces, cut short, changed, or without end.

use std::fmt::Write;

use super::*;
use crate::rng::Rng;

/// One side of a handshake that is waiting for a certain group.
enum Side {
    Caller(Caller),
    Answerer(Answerer),
}

impl Side {
    fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        match self {
            Self::Caller(caller) => caller.feed(input),
            Self::Answerer(answerer) => answerer.feed(input),
        }
    }
}

/// Each kind of group there is, with the side that is waiting for it.
fn groups() -> Vec<(fn() -> Side, String)> {
    fn dialling() -> Side {
        Side::Caller(caller())
    }
    fn listening() -> Side {
        Side::Answerer(answerer())
    }
    fn answered() -> Side {
        let mut answerer = answerer();
        let step = answerer.feed(&mut "GNUTELLA CONNECT/0.6\nX-Ultrapeer: True\n\n".into());
        assert!(matches!(step, Ok(Step::Say(_))));
        Side::Answerer(answerer)
    }
    vec![
        (listening, crlf(GTK_LEAF_HELLO)),
        (listening, "GNUTELLA CONNECT/0.4\n\n".to_owned()),
        (dialling, crlf(GTK_ULTRAPEER_ANSWER)),
        (dialling, BUN_ANSWER.to_owned()),
        (answered, crlf(BUN_LAST_WORD)),
    ]
}

#[test]
fn byte_by_byte_is_the_same_as_all_at_once() {
    let link = b"\n\r\n\x00 the link begins";
    for (side, text) in groups() {
        let mut input = BytesMut::from(&text[..]);
        input.extend_from_slice(link);
        let at_once = side().feed(&mut input).expect("valid");
        assert_eq!(&input[..], link);
        assert!(!matches!(at_once, Step::More));

        let mut side = side();
        let mut input = BytesMut::new();
        for &byte in &text.as_bytes()[..text.len() - 1] {
            input.extend_from_slice(&[byte]);
            assert_eq!(side.feed(&mut input), Ok(Step::More));
        }
        input.extend_from_slice(b"\n");
        assert_eq!(side.feed(&mut input), Ok(at_once));
        assert!(input.is_empty());
    }
}

#[test]
fn every_prefix_waits_for_more() {
    for (side, text) in groups() {
        for end in 0..text.len() {
            let step = side().feed(&mut text[..end].into());
            assert_eq!(step, Ok(Step::More), "after {end} bytes");
        }
    }
}

/// What may come of damaged bytes: any step, or one of the two errors.
fn is_proper(step: &Result<Step, WireError>) -> bool {
    match step {
        Ok(Step::Agreed(_, agreement)) => agreement.hosts.len() <= 20 && agreement.max_ttl > 0,
        Ok(_) | Err(WireError::BadHandshake | WireError::TooLarge) => true,
        Err(_) => false,
    }
}

#[test]
fn mutations_of_each_group_do_no_harm() {
    // Unoptimised, a hundred thousand of each would take as long as all other tests together.
    const MUTATIONS: usize = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    std::thread::scope(|scope| {
        for (seed, (side, text)) in groups().into_iter().enumerate() {
            scope.spawn(move || {
                let mut rng = Rng::seeded(seed as u64);
                let mut outcomes = [0; 3];
                for _ in 0..MUTATIONS {
                    let mut bytes = text.as_bytes().to_vec();
                    mutate(&mut bytes, &mut rng);
                    let mut input = BytesMut::from(&bytes[..]);
                    let step = side().feed(&mut input);
                    assert!(is_proper(&step), "{step:?} of {:?}", bytes.escape_ascii());
                    let outcome = match step {
                        Ok(Step::More) => 0,
                        Ok(_) => 1,
                        Err(_) => 2,
                    };
                    outcomes[outcome] += 1;
                }
                assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
            });
        }
    });
}

/// A few bytes changed, taken out, put in, or doubled.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    const TELLING: &[u8] = b"\r\n\t :,;.-+0019/\xff\x00\x7fGX";
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len());
        let byte = match rng.below(2) {
            0 => TELLING[rng.below(TELLING.len())],
            _ => rng.next() as u8,
        };
        match rng.below(5) {
            0 => bytes[at] = byte,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => bytes.insert(at, byte),
            3 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {
                let end = bytes.len().min(at + rng.below(64));
                bytes.extend_from_within(at..end);
            }
        }
    }
}

#[test]
fn noise_is_refused_or_waited_out() {
    let mut rng = Rng::seeded(9);
    for _ in 0..2_000 {
        let mut noise = b"GNUTELLA".to_vec();
        noise.extend((0..rng.below(200)).map(|_| rng.next() as u8));
        for (side, _) in groups() {
            assert!(is_proper(&side().feed(&mut noise[..].into())));
        }
    }
}

#[test]
fn a_group_without_end_is_cut_off() {
    for endless in ["A: b\r\n", "x", " \n", "X-Try: 1.2.3.4:5\n 6.7.8.9:10\n"] {
        let mut side = Side::Answerer(answerer());
        let mut input = BytesMut::from("GNUTELLA CONNECT/0.6\r\n");
        let mut fed = input.len();
        let error = loop {
            match side.feed(&mut input) {
                Ok(step) => assert_eq!(step, Step::More),
                Err(error) => break error,
            }
            assert!(input.len() < MAX_LINE, "only a piece of a line is kept");
            input.extend_from_slice(endless.as_bytes());
            fed += endless.len();
        };
        assert_eq!(error, WireError::TooLarge, "{endless:?}");
        assert!(fed <= MAX_GROUP, "{fed} bytes of {endless:?} were read");
    }
}

#[test]
fn a_crowd_of_headers_and_hosts_is_kept_small() {
    let mut text = String::from("GNUTELLA/0.6 200 OK\r\n");
    for port in 1..=120 {
        write!(text, "X-Try: 44.0.0.1:{port},44.0.0.2:{port}\r\n").expect("a string takes all");
    }
    text.push_str("\r\n");
    let step = answered(&text).expect("within the limits");
    assert_eq!(agreement_of(step).hosts.len(), 20);
}
