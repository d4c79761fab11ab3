//! From options to the settings of a servent: defaults, files, and what needs an explicit yes.

use std::io::{self, BufRead, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use futures_util::future::try_join_all;

use super::clean::clean;
use super::cli::{Asked, Options};
use super::data_folder::DataFolder;
use super::failure::{Exit, Failure};
use super::host::Host;
use crate::librarian::oversharing;
use crate::net::{Bootstrap, DEFAULT_PORT, PUBLIC_WEB_CACHES, Settings};
use crate::overlay::{self, Strategy};

/// How many ports from [`DEFAULT_PORT`] on are tried where none is given. The shipped `bootstrap.txt` names the same.
const PORTS: u16 = 10;

/// Uploads at once, where nothing is said.
const UPLOAD_SLOTS: usize = 10;

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
    let mut web_caches = Vec::new();
    if options.public {
        web_caches = bootstrap.web_caches();
        web_caches.extend(PUBLIC_WEB_CACHES.map(str::to_owned));
    }
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
        web_caches,
        public: options.public,
        gateway: None,
        connect: try_join_all(hosts.iter().map(Host::resolve)).await?,
        index: match &options.index {
            Some(index) => Some(index.resolve().await?),
            None => None,
        },
        upload_slots: options.upload_slots.unwrap_or(UPLOAD_SLOTS),
        deflate: !options.no_deflate,
        overlay: overlay::Config {
            role: options.role.unwrap_or_default(),
            search: match options.search {
                Some(Asked::Network(strategy)) => strategy,
                Some(Asked::Index) | None => Strategy::Auto,
            },
            ..overlay::Config::default()
        },
    })
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
