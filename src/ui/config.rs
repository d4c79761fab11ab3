//! The configuration file: TOML whose keys are the options' names.

use std::fs;
use std::path::Path;

use clap::CommandFactory;

use super::cli::Options;
use super::failure::Failure;

/// The options that stand in the file at `path`.
pub(super) fn read(path: &Path) -> Result<Options, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "the configuration {} cannot be read: {error}",
            path.display()
        ))
    })?;
    parse(&text).map_err(|why| {
        Failure::usage(format!(
            "the configuration {} is wrong: {why}",
            path.display()
        ))
    })
}

fn parse(text: &str) -> Result<Options, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| one_line(text, &error))?;
    let command = Options::command();
    // A file cannot name a further file or a parent, nor ask for help.
    let known: Vec<&str> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| !["config", "child-of", "degree", "help", "version"].contains(name))
        .collect();
    for key in table.keys() {
        if !known.contains(&key.as_str()) {
            return Err(match nearest(key, &known) {
                Some(near) => format!("it has an unknown key `{key}`; did you mean `{near}`?"),
                None => format!(
                    "it has an unknown key `{key}`; the keys are {}",
                    known.join(", ")
                ),
            });
        }
    }
    toml::from_str(text).map_err(|error| one_line(text, &error))
}

/// What a TOML error says, with its line instead of a drawing of it.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// The known name most like `key`, if one is much like it.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    /// Below this two words have little in common (clap suggests from 0.7 on).
    const ALIKE: f64 = 0.7;
    known
        .iter()
        .map(|name| (strsim::jaro(key, name), *name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::Strategy;
    use crate::ui::cli::Asked;

    #[test]
    fn every_option_but_config_is_a_key() {
        let all = r#"
            share = ["a", "b"]
            downloads = "d"
            data = "s"
            listen = "127.0.0.1:0"
            bootstrap = "b.txt"
            connect = ["localhost:6346"]
            index = "localhost:8888"
            api = "off"
            upload-slots = 3
            tit-for-tat = true
            upload-limit = "5MB/s"
            download-limit = "800KiB/s,messages=64KiB/s"
            relay = "500MB"
            role = "leaf"
            search = "flood:ttl=2"
            wait = 2
            public = false
            no-deflate = true
            share-anyway = false
            daemon = true
            json = true
            verbose = 1
            quiet = true
            log = "json"
        "#;
        let options = parse(all).expect("all keys are known");
        assert_eq!(options.share.len(), 2);
        assert_eq!(options.search, Some(Asked::Network(Strategy::flood(2))));
        assert_eq!(options.wait, Some(2.0));
        let keys = all.lines().filter(|line| line.contains('=')).count();
        let options = Options::command().get_arguments().count() - 3;
        assert_eq!(
            keys, options,
            "a key an option, but for --config, --child-of and --degree"
        );
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let why = parse("uplaod-slots = 3").expect_err("misspelt");
        assert!(why.contains("did you mean `upload-slots`?"), "{why}");
        let why = parse("zzz = 3").expect_err("nonsense");
        assert!(why.contains("the keys are share, downloads"), "{why}");
        let why = parse("\nwait = \"long\"").expect_err("not a number");
        assert!(why.starts_with("line 2: "), "{why}");
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = parse("wait = 9\nshare = [\"x\"]\nupload-slots = 4").expect("valid");
        let line = Options {
            wait: Some(1.0),
            ..Options::default()
        };
        let both = line.or(file);
        assert_eq!((both.wait, both.upload_slots), (Some(1.0), Some(4)));
        assert_eq!(both.share.len(), 1);
    }
}
