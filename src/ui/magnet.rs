//! `magnet`: links to paste elsewhere.

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::reference::{Content, Reference};
use super::results::no_result;
use super::session::Session;

/// What to link to.
#[derive(Args, Clone, Debug)]
pub(super) struct Magnet {
    /// Numbers of the last results (3, 1-3), urn:sha1:…, or magnet: links
    #[arg(required = true, value_name = "REF")]
    references: Vec<Reference>,
}

impl Magnet {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        for reference in &self.references {
            match reference {
                Reference::Content(content) => tell(session, content),
                Reference::Numbers(numbers) => {
                    for n in numbers.clone() {
                        tell(session, &of_result(session, n)?);
                    }
                }
            }
        }
        Ok(())
    }
}

fn of_result(session: &Session, n: usize) -> Result<Content, Failure> {
    let results = session.results();
    let found = results.get(n).ok_or_else(|| no_result(n, &results))?;
    found.content().ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            format!("nobody told the SHA-1 of result {n}, and a link needs it"),
            "`get` it: once it is here its SHA-1 is known",
        )
    })
}

fn tell(session: &Session, content: &Content) {
    let link = content.to_string();
    match session.screen.json {
        true => session.screen.json(&json!({ "magnet": link })),
        false => session.screen.data(link),
    }
}
