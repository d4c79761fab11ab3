//! Two files of one SHA-1, as Stevens, Bursztein, Karpman, Albertini and Markov made them ("The first collision for full
//! SHA-1", 2017): what they put at the beginning of a PDF, with anything behind it, as long as that is the same.

use servent::transfer::{DownloadState, Fault};
use servent::wire::TigerRoot;

use crate::ends;
use crate::house::{House, digest, noise, tree};
use crate::swarming::{Guest, wanted};

const BOTH: &str = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
const ONE: &str = "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1";
const OTHER: &str = "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1";

/// Two files of the same size and SHA-1.
fn twins(size: usize) -> [Vec<u8>; 2] {
    let twins = [ONE, OTHER].map(|own| {
        let mut bytes = hex(BOTH);
        bytes.extend(hex(own));
        bytes.extend(noise(size));
        bytes
    });
    let [one, other] = &twins;
    assert!(one != other && digest(one) == digest(other));
    twins
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .expect("hexadecimal")
}

#[tokio::test]
async fn of_two_files_with_one_sha1_the_one_comes_whose_tree_was_named() {
    ends(async {
        for (size, with_tree) in [(0, false), (0, true), (3_000_000, false), (3_000_000, true)] {
            let twins = twins(size);
            let houses = [House::open(10).await, House::open(10).await];
            let [one, other] = [0, 1].map(|at| match with_tree {
                true => houses[at].share_whole("a", &twins[at]),
                false => houses[at].share("a", &twins[at]),
            });
            let named = |root: TigerRoot, sources: Vec<_>| {
                let mut wanted = wanted(&twins[0], sources);
                wanted.root = Some(root);
                wanted
            };
            let [first, second] = [houses[0].source(&one), houses[1].source(&other)];
            let root = tree(&twins[0]).root();

            let guest = Guest::open();
            let alone = named(root, vec![second.clone()]);
            let id = guest.downloads.start(alone).expect("it begins");
            let end = guest.outcome(id).await;
            assert_eq!(
                (end.state, end.fault),
                (DownloadState::Failed, Some(Fault::HashMismatch)),
                "{size} {with_tree}: {end:?}"
            );
            assert!(end.why.is_some_and(|why| why.contains("hash tree")));

            let guest = Guest::open();
            let both = named(root, vec![second, first]);
            let id = guest.downloads.start(both).expect("it begins");
            let end = guest.outcome(id).await;
            assert_eq!(
                end.state,
                DownloadState::Complete,
                "{size} {with_tree}: {end:?}"
            );
            let came = std::fs::read(end.path.expect("it is somewhere")).expect("there");
            assert!(came == twins[0], "{size} {with_tree}");
        }
    })
    .await;
}
