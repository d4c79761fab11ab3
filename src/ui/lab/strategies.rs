//! Lists of ways of searching, as they are written on the command line.

use std::str::FromStr;

use crate::overlay::Strategy;
use crate::ui::cli::parse_way;

/// Strategies with commas between; a comma before `key=value` belongs to the strategy before it.
#[derive(Clone, Debug)]
pub(super) struct Strategies {
    /// Those of the network.
    pub(super) network: Vec<Strategy>,
    /// Where among them the index stands, if it does.
    pub(super) index: Option<usize>,
}

impl Strategies {
    /// All in their order, the index as none.
    pub(super) fn all(&self) -> Vec<Option<Strategy>> {
        let mut all: Vec<_> = self.network.iter().copied().map(Some).collect();
        if let Some(at) = self.index {
            all.insert(at, None);
        }
        all
    }
}

impl FromStr for Strategies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut texts: Vec<String> = Vec::new();
        for part in text.split(',') {
            let goes_on = part.contains('=') && !part.contains(':');
            match texts.last_mut().filter(|_| goes_on) {
                Some(last) => {
                    last.push(',');
                    last.push_str(part);
                }
                None => texts.push(part.to_owned()),
            }
        }
        let (mut network, mut index) = (Vec::new(), None);
        for (at, text) in texts.iter().enumerate() {
            match parse_way(text)? {
                Some(strategy) => network.push(strategy),
                None if index.is_some() => return Err("`index` stands there twice".to_owned()),
                None => index = Some(at),
            }
        }
        Ok(Self { network, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_strategies_and_their_parameters() {
        let list: Strategies = "flood:ttl=3,index,walk:walkers=8,check=2,ring"
            .parse()
            .expect("strategies");
        assert_eq!(list.index, Some(1));
        let written: Vec<String> = list.network.iter().map(Strategy::to_string).collect();
        assert_eq!(
            written,
            [
                "flood:ttl=3",
                "walk:walkers=8,ttl=255,check=2",
                "ring:ttls=1-3-5-7"
            ]
        );
        assert!("flood,,walk".parse::<Strategies>().is_err());
        for bad in ["", "index,index", "index:x=1", "index,x=1"] {
            assert!(bad.parse::<Strategies>().is_err(), "{bad}");
        }
        let why = "flood,fly".parse::<Strategies>().expect_err("no strategy");
        assert!(why.contains("`fly`") && why.contains("index"), "{why}");
    }
}
