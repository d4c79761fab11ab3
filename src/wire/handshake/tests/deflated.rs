//! Who deflates what.

use super::*;

#[test]
fn a_link_is_deflated_when_both_sides_want_it() {
    for (here, there) in [(false, false), (false, true), (true, false), (true, true)] {
        let with = |byte, deflate| Greeting {
            deflate,
            ..greeting(byte)
        };
        let (caller, answerer) = converse(with(1, here), with(2, there), vacancy());
        for step in [caller, answerer] {
            let agreement = agreement_of(step);
            let both = here && there;
            assert_eq!((agreement.deflate_out, agreement.deflate_in), (both, both));
        }
    }
}

#[test]
fn a_link_to_a_leaf_is_plain() {
    let leaf = Greeting {
        role: Role::Leaf,
        ..greeting(1)
    };
    let (caller, answerer) = converse(leaf, greeting(2), vacancy());
    for step in [caller, answerer] {
        let agreement = agreement_of(step);
        assert!(!agreement.deflate_out && !agreement.deflate_in);
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
        let agreement = agreement_of(step);
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
    let agreed = agreement_of(caller.feed(&mut answer.into()).expect("valid"));
    assert_eq!((agreed.deflate_out, agreed.deflate_in), (false, true));

    let mut answerer = Answerer::new(plain, REMOTE, vacancy());
    let hello = "GNUTELLA CONNECT/0.6\r\nAccept-Encoding: deflate\r\n\r\n";
    assert!(
        matches!(answerer.feed(&mut hello.into()), Ok(Step::Say(answer)) if !answer.contains("Encoding"))
    );
    let word = &crlf(GTK_LAST_WORD)[..];
    let agreed = agreement_of(answerer.feed(&mut word.into()).expect("valid"));
    assert_eq!((agreed.deflate_out, agreed.deflate_in), (false, true));
}

#[test]
fn what_group_1_says_of_content_is_not_believed() {
    let hello = "GNUTELLA CONNECT/0.6\nContent-Encoding: deflate\n\n";
    let (_, step) = greeted(hello, "GNUTELLA/0.6 200 OK\n\n");
    assert!(!agreement_of(step).deflate_in);
}
