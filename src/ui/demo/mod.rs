//! `demo`: a village of servents to play with. Search at one, and watch the query spread.

mod catalogue;
mod input;
mod picture;
mod watch;

use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::cli::Asked;
use super::failure::{Exit, Failure};
use super::lab::{LEAVES, Source};
use super::render::{counted, span};
use super::screen::Screen;
use super::signals::{Signals, Told};
use crate::api::{Answer, Said};
use crate::lab::topology::Kind;
use crate::live::{MOST, Plan, Stage, Village};
use input::Input;
use picture::Picture;
use watch::Watch;

/// Links of a servent, on average, where nothing is said: a query needs three or four to cross a village of a hundred.
const DEGREE: f64 = 4.0;

/// A query that has come nowhere for this long has stopped spreading.
const QUIET: Duration = Duration::from_millis(400);

/// A network of servents on this machine, to play with: each a process of its own, gone when this ends.
#[derive(Args, Clone, Debug)]
pub(super) struct Demo {
    /// So many servents
    #[arg(long, value_name = "N", default_value_t = 20)]
    nodes: usize,

    /// Join them so: random, regular, plrg, ba, grid, ring, line, star, tree, full, small-world, or file:PATH [default: regular, but full where they are few]
    #[arg(long, value_name = "KIND")]
    topology: Option<Source>,

    /// Links of each, on average [default: 4]
    #[arg(long, value_name = "D")]
    degree: Option<f64>,

    /// The seed of all dice: who is joined with whom, who shares what
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// How searches go out where nobody says how
    #[arg(long, value_name = "STRATEGY", default_value = "flood:ttl=7")]
    search: String,

    /// Show each link a query crosses for so many milliseconds: it is over in a few otherwise
    #[arg(long, value_name = "MS", default_value = "250")]
    pace: NonZeroU64,

    /// Print JSON: a line a step of a query's way, a line a hit
    #[arg(long)]
    json: bool,

    /// Say nothing but data and errors
    #[arg(short, long)]
    quiet: bool,
}

impl Demo {
    /// Founds the village, searches once by itself, and then does what is typed.
    pub(super) async fn run(self, signals: &mut Signals) -> Result<Exit, Failure> {
        let screen = Screen::new(None, self.json, self.quiet);
        let plan = self.plan(&screen, signals).await?;
        let shares = plan.shares.clone();
        let began = Instant::now();
        let founding = Village::found(plan, |stage| screen.progress(&progress(stage, &self)));
        let village = tokio::select! {
            village = founding => village,
            told = signals.next() => return Ok(end_of(told)),
        };
        screen.progress("");
        let village = village.map_err(|error| {
            Failure::io(
                "the demo cannot start",
                &error,
                "try fewer servents with --nodes",
            )
        })?;
        let (nodes, links) = (village.graph().nodes(), village.graph().edges().len());
        screen.talk(format!(
            "{} and {} on this machine, up in {}.",
            counted(nodes as u64, "servent"),
            counted(links as u64, "link"),
            span(began.elapsed())
        ));
        let watch = Watch::of(&village).await.map_err(|error| {
            Failure::io(
                "a servent tells nothing of its queries",
                &error,
                "begin again",
            )
        })?;
        let mut conversation = Conversation {
            pace: Duration::from_millis(self.pace.get()),
            screen: &screen,
            watch,
            at: 0,
            village,
        };
        let opening = catalogue::far_word(&shares, conversation.village.graph());
        let exit = conversation.run(opening, signals).await;
        conversation.village.end().await;
        screen.loss().map_or(Ok(exit), Err)
    }

    async fn plan(&self, screen: &Screen, signals: &mut Signals) -> Result<Plan, Failure> {
        if self.nodes > MOST {
            return Err(Failure::usage(format!(
                "{} processes are more than the {MOST} that a machine is trusted with; `servent compare` has no such limit",
                self.nodes
            )));
        }
        self.search
            .parse::<Asked>()
            .map_err(|why| Failure::usage(format!("--search: {why}")))?;
        // Regular, so that all stand in one network; so few that four links are impossible are all joined.
        let few = (self.nodes as f64) < 2.0 * DEGREE;
        let topology = self.topology.clone().unwrap_or(Source::Kind(match few {
            true => Kind::Full,
            false => Kind::Regular,
        }));
        let degree = self.degree.unwrap_or(if few { 1.0 } else { DEGREE });
        let (graph, _) = { topology.graph(self.nodes, degree, self.seed, screen, signals) }.await?;
        if graph.nodes() > MOST {
            return Err(Failure::usage(format!(
                "{} nodes are more than {MOST} processes",
                graph.nodes()
            )));
        }
        if graph.has_leaves() {
            return Err(Failure::usage(LEAVES));
        }
        let program = std::env::current_exe()
            .map_err(|error| Failure::io("this program does not find itself", &error, ""))?;
        Ok(Plan {
            program,
            shares: catalogue::shares(graph.nodes(), self.seed),
            graph,
            search: self.search.clone(),
            index: None,
        })
    }
}

fn progress(stage: Stage, demo: &Demo) -> String {
    match stage {
        Stage::Up(count) => format!("{count} of {} servents are up", demo.nodes),
        Stage::Linked(count) => format!("{} made", counted(count as u64, "link")),
    }
}

const fn end_of(told: Told) -> Exit {
    match told {
        Told::Interrupt => Exit::Interrupted,
        Told::Terminate => Exit::Done,
    }
}

fn silent(node: usize, error: &io::Error) -> Failure {
    Failure::io(
        format_args!("servent {} gives no answer", node + 1),
        error,
        "it may have been stopped",
    )
}

/// What goes on between a user and a village.
struct Conversation<'a> {
    village: Village,
    screen: &'a Screen,
    watch: Watch,
    /// The servent that is spoken to where no other is named.
    at: usize,
    pace: Duration,
}

impl Conversation<'_> {
    /// Until `quit`, the end of the input, or a signal; tells the exit code of the last command that failed.
    async fn run(&mut self, opening: Option<String>, signals: &mut Signals) -> Exit {
        if let Some(word) = opening {
            self.screen
                .talk(format!("servent 1 searches for `{word}`:"));
            let words = vec!["search".to_owned(), word];
            if self
                .carry_out(0, words, signals)
                .await
                .is_err_and(|failure| failure.is_none())
            {
                return Exit::Interrupted;
            }
        }
        self.screen.talk(
            "Type `search WORD`; `@7 search WORD` speaks to servent 7, `@7` stays there; `help` names the rest, `quit` ends it all.",
        );
        let mut input = Input::open();
        let (exit, in_line) = self.heed(&mut input, signals).await;
        input.close(in_line);
        exit
    }

    /// Carries out what comes by `input`; tells the exit code, and whether it ended in the middle of a line.
    async fn heed(&mut self, input: &mut Input, signals: &mut Signals) -> (Exit, bool) {
        let mut exit = Exit::Done;
        loop {
            let prompt = format!("servent {}> ", self.at + 1);
            let line = tokio::select! {
                line = input.next(prompt, self.screen) => line,
                told = signals.next() => return (end_of(told), true),
            };
            let line = match line {
                Ok(line) => line,
                Err(over) => return (over.unwrap_or(exit), false),
            };
            let nodes = self.village.graph().nodes();
            let (node, words) = match line.and_then(|line| read(&line, nodes)) {
                Ok((node, words)) => (node, words),
                Err(failure) => {
                    self.screen.fail(&failure);
                    exit = failure.exit;
                    continue;
                }
            };
            match words.first().map(String::as_str) {
                None => self.at = node.unwrap_or(self.at),
                Some("quit" | "exit") if node.is_none() => return (exit, false),
                Some(_) => match self
                    .carry_out(node.unwrap_or(self.at), words, signals)
                    .await
                {
                    Ok(Exit::Done) => {}
                    Ok(failed) => exit = failed,
                    Err(Some(failure)) => {
                        self.screen.fail(&failure);
                        exit = failure.exit;
                    }
                    // Ended by Ctrl-C: where somebody types, only this command was meant.
                    Err(None) => exit = Exit::Interrupted,
                },
            }
            if self.screen.is_closed() {
                return (exit, false);
            }
        }
    }

    /// Has a servent carry out a command, and draws how its query spreads if it is a search. No failure where a signal
    /// ended it.
    async fn carry_out(
        &mut self,
        node: usize,
        mut words: Vec<String>,
        signals: &mut Signals,
    ) -> Result<Exit, Option<Failure>> {
        let json = "--json".to_owned();
        if self.screen.json && !words.contains(&json) {
            words.insert(1, json);
        }
        let searches = is_search(&words);
        self.watch.forget();
        let order = self.screen.as_order(words);
        let client = self.village.client(node).clone();
        let done = async {
            let answer = client
                .order(&order)
                .await
                .map_err(|error| silent(node, &error))?;
            if searches {
                self.draw(node, answer).await
            } else {
                repeat(self.screen, node, answer).await
            }
        };
        tokio::select! {
            done = done => done.map_err(Some),
            _ = signals.next() => Err(None),
        }
    }

    /// Shows a search: the way of its query first, link by link, then what it found.
    async fn draw(&mut self, asker: usize, mut answer: Answer) -> Result<Exit, Failure> {
        let mut picture = Picture::new(asker, self.village.graph().nodes());
        let drawn = self.screen.columns().filter(|_| !self.screen.json);
        let mut rows = 0;
        let mut tick = interval(self.pace);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut held, mut exit) = (Vec::new(), None);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                sighting = self.watch.next() => {
                    picture.note(&sighting);
                    heard = Instant::now();
                }
                said = answer.next(), if exit.is_none() => match said.map_err(|error| silent(asker, &error))? {
                    Some(Said::Exit(code)) => exit = Some(Exit::of(code)),
                    Some(said) => held.push(said),
                    None => exit = Some(Exit::Failed),
                },
                _ = tick.tick() => {
                    if let Some(width) = drawn {
                        let frame = picture.frame(width);
                        self.screen.redraw(&frame, rows);
                        rows = frame.len();
                    }
                    let onward = picture.step();
                    let over = exit.is_some() || !held.is_empty();
                    if !onward && heard.elapsed() >= QUIET && over {
                        break;
                    }
                }
            }
        }
        if drawn.is_none() {
            picture.tell(self.screen);
        }
        held.into_iter().for_each(|said| self.screen.repeat(said));
        match exit {
            Some(exit) => Ok(exit),
            None => repeat(self.screen, asker, answer).await,
        }
    }
}

/// Shows what a servent says, to the end.
async fn repeat(screen: &Screen, node: usize, mut answer: Answer) -> Result<Exit, Failure> {
    loop {
        match answer.next().await.map_err(|error| silent(node, &error))? {
            Some(Said::Exit(code)) => return Ok(Exit::of(code)),
            Some(said) => screen.repeat(said),
            None => return Ok(Exit::Failed),
        }
    }
}

/// A line: whom it is for, where that is said, and its words.
fn read(line: &str, nodes: usize) -> Result<(Option<usize>, Vec<String>), Failure> {
    let words = shlex::split(line);
    let mut words = words.unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
    let Some(number) = words.first().and_then(|word| word.strip_prefix('@')) else {
        return Ok((None, words));
    };
    let number = number
        .parse()
        .ok()
        .filter(|number| (1..=nodes).contains(number));
    let number = number.ok_or_else(|| {
        Failure::usage(format!(
            "`{}` is nobody: the servents are @1 to @{nodes}",
            words[0]
        ))
    })?;
    words.remove(0);
    Ok((Some(number - 1), words))
}

/// Whether a line searches; options may stand before the command.
fn is_search(words: &[String]) -> bool {
    let command = words.iter().find(|word| !word.starts_with("--"));
    command.is_some_and(|word| word == "search")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_whom_it_is_for() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let read = |line| read(line, 9).expect("sound");
        assert_eq!(
            read("search 'a b' c"),
            (None, words(&["search", "a b", "c"]))
        );
        assert_eq!(
            read("@7 search don't"),
            (Some(6), words(&["search", "don't"]))
        );
        assert_eq!(read("@1"), (Some(0), vec![]));
        assert_eq!(read("  "), (None, vec![]));
        for line in ["@0 peers", "@10", "@x", "@"] {
            assert_eq!(super::read(line, 9).expect_err(line).exit, Exit::Usage);
        }
    }

    #[test]
    fn a_search_is_one_whatever_stands_before_it() {
        for (line, expected) in [
            ("search window", true),
            ("--json search window", true),
            ("--json results", false),
            ("results search", false),
            ("--json", false),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_search(&words), expected, "{line}");
        }
    }
}
