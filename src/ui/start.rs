//! From options to the settings of a servent: defaults, files, and what needs an explicit yes.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;
use futures_util::future::try_join_all;

use super::clean::clean;
use super::cli::{Asked, Options};
use super::data_folder::DataFolder;
use super::failure::{Exit, Failure};
use super::host::Host;
use crate::librarian::oversharing;
use crate::live::MOST;
use crate::net::{Bootstrap, DEFAULT_PORT, Public, Settings, UPLOAD_SLOTS};
use crate::overlay::{self, Strategy};

/// How many ports from [`DEFAULT_PORT`] on are tried where none is given. The shipped `bootstrap.txt` names the same.
const PORTS: u16 = 10;

/// How far servents of one village are from each other: many times what their machine takes to wake one of them.
const LINK_DELAY: Duration = Duration::from_millis(25);

/// The settings that `options` ask for.
pub(super) async fn settings(options: &Options, data: &DataFolder) -> Result<Settings, Failure> {
    let share = shared_folders(options)?;
    let hosts: Vec<Host> = options
        .connect
        .iter()
        .map(|host| {
            host.parse()
                .map_err(|why| Failure::usage(format!("--connect: {why}")))
        })
        .collect::<Result<_, _>>()?;
    let bootstrap = candidates(options.bootstrap.as_deref())?;
    Ok(Settings {
        share,
        downloads: options
            .downloads
            .clone()
            .unwrap_or_else(|| "downloads".into()),
        data: data.path.clone(),
        listen: match options.listen {
            Some(addr) => vec![addr],
            None => usual_ports(),
        },
        bootstrap: bootstrap.hosts().await,
        caches: bootstrap.caches().await,
        public: options.public.then(|| public(&bootstrap)),
        connect: try_join_all(hosts.iter().map(Host::resolve)).await?,
        index: match &options.index {
            Some(index) => Some(index.resolve().await?),
            None => None,
        },
        upload_slots: options.upload_slots.unwrap_or(UPLOAD_SLOTS),
        tit_for_tat: options.tit_for_tat,
        upload_limit: options.upload_limit.unwrap_or_default().0,
        download_limit: options.download_limit.unwrap_or_default().0,
        relay: options.relay.unwrap_or_default().0,
        deflate: !options.no_deflate,
        link_delay: match options.child_of {
            Some(_) => LINK_DELAY,
            None => Duration::ZERO,
        },
        overlay: overlay::Config {
            role: options.role.unwrap_or_default(),
            search: match options.search {
                Some(Asked::Network(strategy)) => strategy,
                Some(Asked::Index) | None => Strategy::Auto,
            },
            ..match options.child_of {
                Some(_) => by_hand(options.degree),
                None => overlay::Config::default(),
            }
        },
    })
}

/// The numbers of a servent whose links are set by hand and whose messages are counted, as in the laboratory.
fn by_hand(degree: Option<u32>) -> overlay::Config {
    /// Queries of a lesson, and not of a network.
    const ROUTES: usize = 4096;
    overlay::Config {
        grow: false,
        udp: false,
        last_hop_tables: false,
        slots: MOST,
        degree,
        query_rate: u32::MAX,
        max_ttl: u8::MAX,
        hard_ttl: u8::MAX,
        routes: ROUTES,
        ..overlay::Config::default()
    }
}

/// The public network, whose web caches are asked after those of the user's file.
fn public(bootstrap: &Bootstrap) -> Public {
    let mut public = Public::shipped();
    public.web_caches.splice(..0, bootstrap.web_caches());
    public
}

fn usual_ports() -> Vec<SocketAddrV4> {
    (DEFAULT_PORT..DEFAULT_PORT + PORTS)
        .map(|port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))
        .collect()
}

/// The folders to share, each there and allowed.
fn shared_folders(options: &Options) -> Result<Vec<PathBuf>, Failure> {
    let usual = PathBuf::from("shared");
    if options.share.is_empty() {
        return Ok(usual.is_dir().then_some(usual).into_iter().collect());
    }
    for folder in &options.share {
        if !folder.is_dir() {
            return Err(Failure::usage(format!(
                "{} cannot be shared: there is no such folder",
                folder.display()
            )));
        }
        if let Some(why) = oversharing(folder)
            && !options.share_anyway
            && !confirmed(folder, why)?
        {
            return Err(Failure::new(
                Exit::NotAllowed,
                format!("{} is not shared: {why}", folder.display()),
                "share a folder below it, or say --share-anyway",
            ));
        }
        fs::read_dir(folder).map_err(|error| {
            Failure::io(
                format_args!("{} cannot be shared", folder.display()),
                &error,
                "see to its permissions, or share another folder",
            )
        })?;
    }
    Ok(options.share.clone())
}

/// Asks for an explicit yes. Without a terminal there is nobody to say it.
fn confirmed(folder: &Path, why: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let cannot = |error| Failure::io("the answer cannot be read", &error, "say --share-anyway");
    let folder = folder.display().to_string();
    let mut stderr = io::stderr().lock();
    write!(
        stderr,
        "Share {}? {}. Everybody could fetch what is in it. Type yes to share it all the same: ",
        clean(&folder),
        clean(why)
    )
    .and_then(|()| stderr.flush())
    .map_err(cannot)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(cannot)?;
    Ok(answer.trim() == "yes")
}

/// The file of candidates that the user named, else of `./bootstrap.txt`, else of the configuration folder's.
fn candidates(named: Option<&Path>) -> Result<Bootstrap, Failure> {
    let Some(path) = named.map(Path::to_owned).or_else(usual_bootstrap) else {
        return Ok(Bootstrap::default());
    };
    let bootstrap = Bootstrap::read(&path)
        .map_err(|error| Failure::usage(format!("the candidates cannot be read: {error}")))?;
    if !bootstrap.skipped.is_empty() {
        tracing::warn!(file = ?path, lines = ?bootstrap.skipped, "lines passed over: no host:port");
    }
    Ok(bootstrap)
}

fn usual_bootstrap() -> Option<PathBuf> {
    let here = PathBuf::from("bootstrap.txt");
    let configured = etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.config_dir().join("servent").join("bootstrap.txt"));
    std::iter::once(here)
        .chain(configured)
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    async fn asked_for(words: &[&str]) -> Settings {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("candidates");
        std::fs::write(&file, "127.0.0.1:6346\ngwc:http://cache.example/\n").expect("written");
        let mut line = vec!["servent", "--bootstrap"];
        line.push(file.to_str().expect("plain letters"));
        line.extend(words);
        let options = Options::parse_from(line);
        let data = DataFolder::named(folder.path()).expect("a folder");
        settings(&options, &data).await.expect("good options")
    }

    #[tokio::test]
    async fn without_the_option_the_public_network_is_let_be() {
        assert_eq!(asked_for(&[]).await.public, None);
    }

    #[tokio::test]
    async fn with_the_option_the_users_web_caches_come_first() {
        let public = asked_for(&["--public"]).await.public.expect("asked for");
        assert_eq!(public.web_caches[0], "http://cache.example/");
        assert_eq!(public.web_caches[1..], Public::shipped().web_caches);
        assert_eq!(public.udp_caches, Public::shipped().udp_caches);
    }
}
