//! What can be called: each operation, and the words it stands for. Router, document and tests are made from this table.

use serde_json::{Map, Value};

/// An operation on the servent.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// `GET`, `POST` or `DELETE`. Only what changes nothing is a GET.
    pub method: &'static str,
    /// Its path, with a place for each path parameter.
    pub path: &'static str,
    /// The command it stands for.
    pub command: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// What it needs to know.
    pub parameters: &'static [Parameter],
}

/// Something an operation needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub about: &'static str,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the body; must be there. A string, a number, or a list of them.
    Body,
    /// In the body; may be missing.
    Option,
}

/// All of them but the three of the server itself: `commands`, `events` and `openapi.json`.
pub const OPERATIONS: [Operation; 18] = [
    get("/api/v1/status", "status", "What the servent is and does"),
    get("/api/v1/peers", "peers", "The neighbours, a line each"),
    get(
        "/api/v1/downloads",
        "downloads",
        "The downloads, a line each",
    ),
    get("/api/v1/uploads", "uploads", "The uploads, a line each"),
    get(
        "/api/v1/library",
        "library",
        "The shared files, a line each",
    ),
    get(
        "/api/v1/results",
        "results",
        "The results of the last search again",
    ),
    get(
        "/api/v1/why",
        "why",
        "Why the last search found what it did",
    ),
    post(
        "/api/v1/searches",
        "search",
        "Ask the network: a line a hit as it comes, then a last line that sums up",
        &[
            body("words", "Words that the name must hold, in any order"),
            option("ttl", "Cross at most this many links, 1 to 7"),
            option("by", "How to search: flood, ring, walk or dynamic"),
            option("wait", "End the search after this many seconds"),
        ],
    ),
    post(
        "/api/v1/browse",
        "browse",
        "All the files of one servent, as results",
        &[body("host", "HOST or HOST:PORT")],
    ),
    post(
        "/api/v1/downloads",
        "get",
        "Fetch files: lines that say how far they are, until all have come or failed",
        &[body(
            "refs",
            "Numbers of the last results, urn:sha1:… or magnet: links",
        )],
    ),
    post(
        "/api/v1/downloads/{id}/pause",
        "pause",
        "Leave a download alone",
        ID,
    ),
    post(
        "/api/v1/downloads/{id}/resume",
        "resume",
        "Go on with a download",
        ID,
    ),
    Operation {
        method: "DELETE",
        path: "/api/v1/downloads/{id}",
        command: "cancel",
        about: "Forget a download, and what came of it",
        parameters: ID,
    },
    post(
        "/api/v1/peers",
        "connect",
        "Dial a servent and make it a neighbour",
        &[body("host", "HOST or HOST:PORT")],
    ),
    Operation {
        method: "DELETE",
        path: "/api/v1/peers/{host}",
        command: "disconnect",
        about: "Hang up on a neighbour",
        parameters: &[Parameter {
            name: "host",
            place: Place::Path,
            about: "HOST:PORT",
        }],
    },
    post(
        "/api/v1/limits",
        "limit",
        "Set how fast bytes may go out or come in",
        &[
            body("direction", "`up` or `down`"),
            body(
                "rates",
                "Like 5MB/s, 5MB/s,messages=64KiB/s or files=2MB/s; 0 for no limit",
            ),
        ],
    ),
    post(
        "/api/v1/rescan",
        "rescan",
        "Look through the shared folders again",
        &[],
    ),
    post(
        "/api/v1/stop",
        "stop",
        "End the servent: Bye to the neighbours, state saved",
        &[],
    ),
];

const ID: &[Parameter] = &[Parameter {
    name: "id",
    place: Place::Path,
    about: "The download's number",
}];

impl Operation {
    /// The words it stands for.
    ///
    /// # Errors
    /// One sentence, when something is missing, unknown, or of the wrong kind.
    pub fn words(
        &self,
        path: &[(String, String)],
        mut body: Map<String, Value>,
    ) -> Result<Vec<String>, String> {
        let mut words = vec![self.command.to_owned(), "--json".to_owned()];
        let mut arguments = Vec::new();
        for Parameter { name, place, .. } in self.parameters {
            match place {
                Place::Path => arguments.extend(
                    path.iter()
                        .filter(|(key, _)| key == name)
                        .map(|(_, value)| value.clone()),
                ),
                Place::Body => {
                    let value = body.remove(*name);
                    arguments.extend(texts(
                        name,
                        value.ok_or_else(|| format!("`{name}` is missing"))?,
                    )?);
                }
                Place::Option => {
                    if let Some(value) = body.remove(*name).filter(|value| !value.is_null()) {
                        let given = texts(name, value)?;
                        words.extend(given.iter().map(|text| format!("--{name}={text}")));
                    }
                }
            }
        }
        if let Some(key) = body.keys().next() {
            return Err(format!("there is no parameter `{key}`"));
        }
        // What a caller names is never taken for an option.
        words.push("--".to_owned());
        words.extend(arguments);
        Ok(words)
    }
}

/// A string or a number as text; a list as one for each.
fn texts(name: &str, value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Array(list) if !list.iter().any(Value::is_array) => {
            let each: Result<Vec<_>, _> = list.into_iter().map(|one| texts(name, one)).collect();
            Ok(each?.into_iter().flatten().collect())
        }
        _ => Err(format!(
            "`{name}` is a string, a number, or a list of these"
        )),
    }
}

const fn get(path: &'static str, command: &'static str, about: &'static str) -> Operation {
    Operation {
        method: "GET",
        path,
        command,
        about,
        parameters: &[],
    }
}

const fn post(
    path: &'static str,
    command: &'static str,
    about: &'static str,
    parameters: &'static [Parameter],
) -> Operation {
    Operation {
        method: "POST",
        path,
        command,
        about,
        parameters,
    }
}

const fn body(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Body,
        about,
    }
}

const fn option(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Option,
        about,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(command: &str, path: &[(String, String)], body: Value) -> Result<Vec<String>, String> {
        let operation = OPERATIONS
            .iter()
            .find(|operation| operation.command == command);
        let body = body.as_object().cloned().unwrap_or_default();
        operation.expect("it is there").words(path, body)
    }

    #[test]
    fn a_call_is_a_command_line() {
        let search = words("search", &[], json!({"words": ["ace", "spades"], "ttl": 2}));
        let line = ["search", "--json", "--ttl=2", "--", "ace", "spades"];
        assert_eq!(search.expect("sound"), line);
        let bare = words("search", &[], json!({"words": "ace", "ttl": null}));
        assert_eq!(bare.expect("sound"), ["search", "--json", "--", "ace"]);
        let id = [("id".to_owned(), "3".to_owned())];
        assert_eq!(
            words("pause", &id, json!({})).expect("sound"),
            ["pause", "--json", "--", "3"]
        );
    }

    #[test]
    fn a_wrong_body_is_one_sentence() {
        for (body, part) in [
            (json!({}), "`words` is missing"),
            (json!({"words": "x", "data": "y"}), "no parameter `data`"),
            (json!({"words": {"a": 1}}), "`words` is a string"),
            (json!({"words": [["a"]]}), "`words` is a string"),
            (json!({"words": "x", "ttl": true}), "`ttl` is a string"),
            (json!({"words": "x", "by": {"a": 1}}), "`by` is a string"),
        ] {
            let why = words("search", &[], body).expect_err("wrong");
            assert!(why.contains(part), "{why}");
        }
    }
}
