//! A session recorded at another server, played to ours.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bytes::BytesMut;

use servent::central::{Effect, Frame, Index, Input, Kind, Limits, Link};
use servent::time::Time;

const RECORDED: &str = include_str!("opennap.txt");

#[test]
fn answers_as_recorded() {
    let mut index = Index::new(Limits::default(), 0);
    let mut links: BTreeMap<&str, Link> = BTreeMap::new();
    let mut said: Vec<String> = Vec::new();
    let lines = RECORDED
        .lines()
        .filter(|line| !line.starts_with(['#', '!']));
    for line in lines {
        if let Some((nick, rest)) = line.split_once("> ") {
            assert_eq!(said, [""; 0], "nothing else was answered before {line}");
            let (kind, body) = rest.split_once(' ').expect("a kind and a body");
            let kind = Kind(kind.parse().expect("a number"));
            let next = Link(u32::try_from(links.len()).expect("a few"));
            let fresh = !links.contains_key(nick);
            let link = *links.entry(nick).or_insert(next);
            let mut out = Vec::new();
            if fresh {
                let addr = Ipv4Addr::LOCALHOST;
                index.handle(Time::ZERO, Input::Opened { link, addr }, &mut out);
            }
            let frame = Frame::new(kind, body.as_bytes().to_vec());
            index.handle(Time::ZERO, Input::Received { from: link, frame }, &mut out);
            said = tell(&out, &links);
        } else {
            assert!(!said.is_empty(), "not answered: {line}");
            assert_eq!(said.remove(0), line);
        }
    }
    assert_eq!(said, [""; 0]);
}

fn tell(effects: &[Effect], links: &BTreeMap<&str, Link>) -> Vec<String> {
    let mut said = Vec::new();
    for effect in effects {
        let Effect::Send { to, bytes } = effect else {
            continue;
        };
        let (nick, _) = { links.iter() }
            .find(|(_, link)| *link == to)
            .expect("a user");
        let mut bytes = BytesMut::from(&bytes[..]);
        while let Some(frame) = Frame::read(&mut bytes, 65_535).expect("no limit") {
            if frame.kind != Kind::MOTD {
                let body = String::from_utf8_lossy(&frame.body);
                said.push(format!("{nick}< {} {body}", frame.kind.0));
            }
        }
    }
    said
}
