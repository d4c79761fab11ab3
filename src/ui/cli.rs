//! The options of the command line; the same names are the keys of the configuration file.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Deserializer};

use super::ask::Ask;
use super::demo::Demo;
use super::host::Host;
use super::index::RunIndex;
use super::lab::{Compare, Lab};
use super::rate::{Amount, RateLimits};
use crate::overlay::{RoleChoice, Strategy, StrategyError};

/// Share folders on the Gnutella network, search it, and fetch what you find.
///
/// With a terminal the servent shows a prompt: type `help` there. Without one it reads the same commands line by line
/// from its input, and leaves at its end.
#[derive(Clone, Debug, Default, Deserialize, Parser)]
#[command(name = "servent", version, max_term_width = 100, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Options {
    /// What to do instead of running a servent.
    #[command(subcommand)]
    #[serde(skip)]
    pub(super) verb: Option<Verb>,

    /// Share this folder; may be given several times [default: ./shared if it is there]
    #[arg(long, value_name = "DIR")]
    pub(super) share: Vec<PathBuf>,

    /// Put finished files here [default: ./downloads]
    #[arg(long, value_name = "DIR")]
    pub(super) downloads: Option<PathBuf>,

    /// Keep state here: known hosts, digests, unfinished downloads [default: the platform's data folder]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,

    /// Listen on this address, port 0 for any free one [default: 0.0.0.0:6346, or the next free port up to 6355]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) listen: Option<SocketAddrV4>,

    /// Read candidate peers from this file [default: ./bootstrap.txt, else the configuration folder's]
    #[arg(long, value_name = "FILE")]
    pub(super) bootstrap: Option<PathBuf>,

    /// Dial this peer first; may be given several times
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) connect: Vec<String>,

    /// Register what is shared with this central index, and ask it with `--search index`
    #[arg(long, value_name = "HOST:PORT")]
    #[serde(deserialize_with = "from_text")]
    pub(super) index: Option<Host>,

    /// Let programs of this account control the servent, at this address; `off` for not at all [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR:PORT|off")]
    #[serde(deserialize_with = "from_text")]
    pub(super) api: Option<ApiAt>,

    /// Upload to this many at once [default: 10]
    #[arg(long, value_name = "N")]
    pub(super) upload_slots: Option<usize>,

    /// Let those who have brought us more go first in the queue for uploads
    #[arg(long)]
    pub(super) tit_for_tat: bool,

    /// Send no faster than this, all together, like 800KiB/s or 5MB/s; also by class, as `5MB/s,messages=64KiB/s` or `files=2MB/s` [default: no limit]
    #[arg(long, value_name = "RATE[,CLASS=RATE]")]
    #[serde(deserialize_with = "from_text")]
    pub(super) upload_limit: Option<RateLimits>,

    /// Receive no faster than this, in the same words [default: no limit]
    #[arg(long, value_name = "RATE[,CLASS=RATE]")]
    #[serde(deserialize_with = "from_text")]
    pub(super) download_limit: Option<RateLimits>,

    /// Join pairs to whom nobody can connect, and pass on up to so many bytes an hour for them, like 500MB [default: nobody]
    #[arg(long, value_name = "BYTES")]
    #[serde(deserialize_with = "from_text")]
    pub(super) relay: Option<Amount>,

    /// Stand in this tier: `auto`, `ultrapeer` or `leaf` [default: auto]
    #[arg(long, value_name = "ROLE")]
    #[serde(deserialize_with = "from_text")]
    pub(super) role: Option<RoleChoice>,

    /// Search this way: `flood`, `flood:ttl=N` to cross at most N links, `ring`, `walk`, `dynamic` to ask link by link, or `index` to ask the central index [default: dynamic, but flood in a small network]
    #[arg(long, value_name = "STRATEGY")]
    #[serde(deserialize_with = "from_text")]
    pub(super) search: Option<Asked>,

    /// End a search in a script after this many seconds, sooner once hits have come and no more do [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(super) wait: Option<f64>,

    /// Look for the public network as well: ask its host caches, and have a gateway let strangers in. Without it a servent talks to its candidates, its saved hosts and the peers these name
    #[arg(long)]
    pub(super) public: bool,

    /// Neither offer nor take compressed links
    #[arg(long)]
    pub(super) no_deflate: bool,

    /// Share a folder even where that would give away your home, your keys or the whole disk
    #[arg(long)]
    pub(super) share_anyway: bool,

    /// Read options from this TOML file; its keys are the names of these options
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(super) config: Option<PathBuf>,

    /// Be one of many that the process of this number started: no links but those it makes, and end when it does
    #[arg(long, value_name = "PID", hide = true)]
    #[serde(skip)]
    pub(super) child_of: Option<u32>,

    /// How many links such a servent will have, as it tells its neighbours
    #[arg(long, value_name = "N", hide = true, requires = "child_of")]
    #[serde(skip)]
    pub(super) degree: Option<u32>,

    /// Read no commands; run until SIGINT or SIGTERM
    #[arg(long)]
    pub(super) daemon: bool,

    /// Print JSON: an object or a line an item
    #[arg(long)]
    pub(super) json: bool,

    /// Log more: -v what happens, -vv every detail
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,

    /// Say nothing but data and errors
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Write the log on stderr in this form [default: text]
    #[arg(long, value_name = "FORM")]
    pub(super) log: Option<LogForm>,
}

impl Options {
    /// These, with what they leave unsaid taken from `file`. A repeatable option given here replaces the file's list.
    pub(super) fn or(self, file: Self) -> Self {
        fn list<T>(here: Vec<T>, file: Vec<T>) -> Vec<T> {
            if here.is_empty() { file } else { here }
        }
        Self {
            verb: self.verb,
            share: list(self.share, file.share),
            downloads: self.downloads.or(file.downloads),
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            bootstrap: self.bootstrap.or(file.bootstrap),
            connect: list(self.connect, file.connect),
            index: self.index.or(file.index),
            api: self.api.or(file.api),
            child_of: self.child_of,
            degree: self.degree,
            upload_slots: self.upload_slots.or(file.upload_slots),
            tit_for_tat: self.tit_for_tat || file.tit_for_tat,
            upload_limit: self.upload_limit.or(file.upload_limit),
            download_limit: self.download_limit.or(file.download_limit),
            relay: self.relay.or(file.relay),
            role: self.role.or(file.role),
            search: self.search.or(file.search),
            wait: self.wait.or(file.wait),
            public: self.public || file.public,
            no_deflate: self.no_deflate || file.no_deflate,
            share_anyway: self.share_anyway || file.share_anyway,
            config: self.config,
            daemon: self.daemon || file.daemon,
            json: self.json || file.json,
            verbose: self.verbose.max(file.verbose),
            quiet: self.quiet || file.quiet,
            log: self.log.or(file.log),
        }
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 not understood, 3 nothing found, \
    4 no running servent, 5 not allowed, 6 timed out, 7 disk, 8 wrong bytes, 130 Ctrl-C.";

/// What the program can do besides running a servent.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a central index for servents started with --index and for OpenNap clients
    Index(RunIndex),
    /// Compare ways of searching on the same network, with the same files and questions
    Compare(Compare),
    /// Experiments of the laboratory
    #[command(subcommand, arg_required_else_help = false)]
    Lab(Lab),
    /// A network of servents on this machine, to play with: each a process of its own, gone when this ends
    Demo(Demo),
    /// Talk to a running servent
    #[command(flatten)]
    Ask(Ask),
}

/// Where the control API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiAt {
    /// There.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl Default for ApiAt {
    /// Any free port of loopback: verbs find it through the data folder.
    fn default() -> Self {
        Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }
}

impl FromStr for ApiAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            addr => addr
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{addr}` is neither ADDR:PORT nor `off`")),
        }
    }
}

/// Whom searches go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The network, in this way.
    Network(Strategy),
    /// The central index, and the network only while that is away.
    Index,
}

impl FromStr for Asked {
    type Err = String;

    /// Relays of the real network trim a flood, so one with a TTL above 7 would only pretend.
    fn from_str(text: &str) -> Result<Self, String> {
        let way = parse_way(text)?;
        if let Some(Strategy::Flood { ttl: Some(ttl) }) = way {
            parse_ttl(&ttl.to_string())?;
        }
        Ok(way.map_or(Self::Index, Self::Network))
    }
}

/// A way of searching the network; none for `index`, where that is one as well.
pub(super) fn parse_way(text: &str) -> Result<Option<Strategy>, String> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("index", "") => Ok(None),
        ("index", parameters) => Err(format!("`index` has no parameter `{parameters}`")),
        _ => text.parse().map(Some).map_err(|why| match why {
            StrategyError::Unknown(name) => format!(
                "there is no way of searching called `{name}`; there are flood, ring, walk, dynamic and index"
            ),
            StrategyError::Parameter(why) => why,
        }),
    }
}

/// A TTL a query may begin with: relays trim what is above 7, so more would only pretend.
pub(super) fn parse_ttl(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(ttl @ 1..=7) => Ok(ttl),
        _ => Err(format!("a ttl is a number from 1 to 7, not `{text}`")),
    }
}

/// How the log on stderr is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogForm {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn searches_go_to_the_network_or_to_the_index() {
        assert_eq!("index".parse(), Ok(Asked::Index));
        assert_eq!(
            "flood:ttl=3".parse(),
            Ok(Asked::Network(Strategy::flood(3)))
        );
        for bad in ["index:most=3", "flood:ttl=8", "fly"] {
            assert!(bad.parse::<Asked>().is_err(), "{bad}");
        }
    }
}
