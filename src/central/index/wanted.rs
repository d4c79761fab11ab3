//! Searching and browsing. `napster.txt`, messages 200 to 202 and 211 to 213.

use bytes::{BufMut, BytesMut};

use super::files::{File, Wish, ending};
use super::postings::Verdict;
use super::{Effect, Index, Link, Outbox, User, say, send};
use crate::central::fields::{Fields, Malformed, number as digits};
use crate::central::frame::{Kind, frame};
use crate::central::search::{Measure, Search};
use crate::central::share::decimal;
use crate::central::token::number;

/// The size of a usual answer.
const ANSWER: usize = 2048;

impl Index {
    pub(super) fn on_search(
        &mut self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        self.searches += 1;
        let mut bytes = BytesMut::new();
        let trouble = match Search::parse(body) {
            Ok(search) => match Wish::of(&search.contains, &search.excludes) {
                Some(wish) => {
                    let left = self.answer(from, &search, &wish, &mut bytes);
                    if self.ask_for_more(from, &search, wish, left, out) {
                        if !bytes.is_empty() {
                            let bytes = bytes.freeze();
                            out.push(Effect::Send { to: from, bytes });
                        }
                        return Ok(());
                    }
                    None
                }
                None => Some("search failed: request contained no valid words".to_owned()),
            },
            Err(invalid) => Some(invalid.to_string()),
        };
        if let Some(why) = trouble {
            frame(&mut bytes, Kind::TROUBLE, |body| {
                body.extend_from_slice(why.as_bytes());
            });
        }
        frame(&mut bytes, Kind::SEARCH_END, |_| {});
        let bytes = bytes.freeze();
        out.push(Effect::Send { to: from, bytes });
        Ok(())
    }

    /// Writes the hits of a search: none of the asker's own files, and none that could not reach it. Returns how many more
    /// it may have.
    fn answer(&self, from: Link, search: &Search, wish: &Wish, bytes: &mut BytesMut) -> usize {
        let Some(asker) = self.users.get(from) else {
            return 0;
        };
        let room = self.limits.results;
        let mut left = match search.most {
            None | Some(0) => room,
            Some(most) => most.min(room),
        };
        // Few searches find nothing or more, and growing step by step costs more than this.
        bytes.reserve(ANSWER);
        self.files.search(wish, |file| {
            let owner = self.users.get(file.owner)?;
            let out_of_reach = asker.port == 0 && owner.port == 0;
            if file.owner == from || out_of_reach || !fits(search, file, owner) {
                return None;
            }
            frame(bytes, Kind::HIT, |body| {
                body.reserve(file.line.len() + owner.tail.len());
                body.extend_from_slice(&file.line);
                body.extend_from_slice(&owner.tail);
            });
            left -= 1;
            Some(match left {
                0 => Verdict::Enough,
                _ => Verdict::Next,
            })
        });
        left
    }

    pub(super) fn on_browse(
        &self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let mut fields = Fields::new(body);
        let nick = fields.text()?;
        let most = match fields.maybe()? {
            Some(most) => digits(most)?,
            None => usize::MAX,
        };
        let Some((_, user)) = self.named(nick) else {
            send(out, from, |bytes| {
                frame(bytes, Kind::SIGNED_OFF, |body| body.extend_from_slice(nick));
                frame(bytes, Kind::BROWSE_END, |body| body.extend_from_slice(nick));
            });
            return Ok(());
        };
        send(out, from, |bytes| {
            let mut ids: Vec<u32> = user.files.iter().map(|(_, id)| *id).collect();
            ids.sort_unstable();
            for file in ids
                .into_iter()
                .take(most)
                .filter_map(|id| self.files.get(id))
            {
                if bytes.len() >= self.limits.browse {
                    break;
                }
                frame(bytes, Kind::BROWSED, |body| {
                    body.extend_from_slice(&user.nick);
                    body.put_u8(b' ');
                    body.extend_from_slice(&file.line);
                });
            }
            frame(bytes, Kind::BROWSE_END, |body| {
                body.extend_from_slice(&user.nick);
                body.put_u8(b' ');
                decimal(body, number(user.addr).into());
            });
        });
        Ok(())
    }

    pub(super) fn on_whois(
        &self,
        now: crate::time::Time,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let nick = Fields::new(body).text()?;
        let shown = String::from_utf8_lossy(nick);
        match self.named(nick) {
            Some((_, user)) => {
                let seconds = now.since(user.since).as_secs();
                let (nick, client) = (lossy(&user.nick), lossy(&user.client));
                let (shared, down, up) = (
                    user.files.len() + user.files_elsewhere as usize,
                    user.downloads,
                    user.uploads,
                );
                let text = format!(
                    "{nick} \"User\" {seconds} \" \" \"Active\" {shared} {down} {up} {} \"{client}\"",
                    user.speed
                );
                say(out, from, Kind::WHOIS_IS, text);
            }
            None if self.accounts.has(nick) => {
                say(out, from, Kind::WHOWAS_IS, format!("{shown} \"User\" 0"));
            }
            None => say(
                out,
                from,
                Kind::TROUBLE,
                format!("User {shown} is not on-line"),
            ),
        }
        Ok(())
    }
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Whether a file keeps to all but the words of a search.
fn fits(search: &Search, file: &File, owner: &User) -> bool {
    let bounds = search.bounds.iter().all(|bound| {
        bound.holds(match bound.measure {
            Measure::Speed => owner.speed.into(),
            Measure::Bitrate => file.bitrate.into(),
            Measure::Frequency => file.frequency.into(),
            Measure::Size => file.size,
            Measure::Duration => file.seconds.into(),
        })
    });
    let class = search.class.as_deref();
    bounds && class.is_none_or(|class| is_of(file.name(), class))
}

/// Whether the ending of a name is that of a class, or the class itself.
fn is_of(name: &[u8], class: &str) -> bool {
    let ending = ending(name);
    match class_of(class) {
        Some(endings) => endings.contains(&ending.as_str()),
        None => ending == class,
    }
}

/// The endings that names of this class have.
pub(super) fn endings(class: &str) -> Vec<String> {
    match class_of(class) {
        Some(endings) => endings.iter().map(|&ending| ending.to_owned()).collect(),
        None => vec![class.to_owned()],
    }
}

/// The endings of a class that has a name.
fn class_of(class: &str) -> Option<&'static [&'static str]> {
    Some(match class {
        "audio" => &[
            "mp3", "ogg", "flac", "wav", "wma", "m4a", "aac", "opus", "mid",
        ],
        "video" => &[
            "avi", "mpg", "mpeg", "mov", "asf", "wmv", "mkv", "mp4", "webm",
        ],
        "image" => &[
            "jpg", "jpeg", "gif", "png", "bmp", "tif", "tiff", "webp", "svg",
        ],
        "text" => &[
            "txt", "pdf", "doc", "html", "htm", "rtf", "tex", "ps", "epub", "md",
        ],
        "application" => &[
            "exe", "zip", "gz", "tar", "rar", "7z", "iso", "deb", "rpm", "bin",
        ],
        _ => return None,
    })
}
