//! What a person or a script sees: command line, prompt, tables, JSON.
//!
//! `servent [OPTIONS]` runs one servent and reads commands for it: from a terminal with a prompt (`prompt`), from
//! anything else line by line (`script`), or not at all (`--daemon`). The same words mean the same everywhere, because
//! one clap definition (`command`) reads them and one file a verb carries them out. The same words after `servent` (`ask`)
//! are told to a running servent, whose `desk` takes them from the control API.
//!
//! Two rules. Data goes to stdout and talk to stderr. And whatever is shown goes through `Screen`, which escapes every
//! control character (`clean`): names, vendors and error texts come from strangers.

mod ask;
mod browse;
mod child;
mod clean;
mod cli;
mod command;
mod config;
mod data_folder;
mod demo;
mod desk;
mod failure;
mod get;
mod host;
mod index;
mod lab;
mod library;
mod limit;
mod lines;
mod load;
mod log;
mod magnet;
mod membership;
mod peers;
mod prompt;
mod rate;
mod reference;
mod render;
mod results;
mod run;
mod screen;
mod script;
mod search;
mod session;
mod signals;
mod start;
mod status;
mod transfers;
mod watch;
mod why;

pub use run::main;
