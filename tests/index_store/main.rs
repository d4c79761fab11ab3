//! Several indexes on one store: what one hears all know, and none takes more with it than its own users.
//!
//! The tests start a PostgreSQL of their own. Where none is installed they are ignored, and say so.

#[allow(dead_code, reason = "what other tests need of it")]
#[path = "../central/caller.rs"]
mod caller;
mod front;
mod losses;
mod postgres;
#[allow(dead_code, reason = "what other tests need of it")]
#[path = "../command_line/process.rs"]
mod process;
mod sharing;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use postgres::{Postgres, Programs};

/// The database that all tests but those that hurt it share, once one of them asks for it.
pub(crate) type Shared = Arc<OnceLock<Postgres>>;

/// A test, given a database and a name that no other test has.
type Test = fn(&Postgres, &str);

/// Those that leave the database as it is.
const TOGETHER: [(&str, Test); 8] = [
    (
        "users_find_files_at_other_indexes",
        sharing::users_find_files_at_other_indexes,
    ),
    (
        "shared_or_alone_searches_find_the_same",
        sharing::shared_or_alone_searches_find_the_same,
    ),
    (
        "users_of_two_indexes_meet",
        sharing::users_of_two_indexes_meet,
    ),
    ("a_nick_is_one_users", sharing::a_nick_is_one_users),
    ("names_are_only_bytes", sharing::names_are_only_bytes),
    (
        "whoever_leaves_leaves_nothing",
        sharing::whoever_leaves_leaves_nothing,
    ),
    (
        "a_killed_index_leaves_no_ghosts",
        losses::a_killed_index_leaves_no_ghosts,
    ),
    (
        "an_index_that_was_taken_for_dead_comes_back",
        losses::an_index_that_was_taken_for_dead_comes_back,
    ),
];

/// Those that stop it.
const ALONE: [(&str, Test); 2] = [
    (
        "indexes_outlive_their_store",
        losses::indexes_outlive_their_store,
    ),
    (
        "an_index_waits_for_its_store",
        losses::an_index_waits_for_its_store,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let programs = Programs::find();
    if programs.is_none() {
        eprintln!("PostgreSQL is not installed (initdb, postgres): these tests are ignored.");
    }
    let shared = Shared::default();
    let together = TOGETHER.into_iter().map(|(name, test)| {
        let (shared, programs) = (Arc::clone(&shared), programs.clone());
        Trial::test(name, move || {
            let programs = programs.expect("it is ignored without");
            test(shared.get_or_init(|| Postgres::start(&programs)), name);
            Ok(())
        })
    });
    let alone = ALONE.into_iter().map(|(name, test)| {
        let programs = programs.clone();
        Trial::test(name, move || {
            let programs = programs.expect("it is ignored without");
            test(&Postgres::start(&programs), name);
            Ok(())
        })
    });
    let trials = together.chain(alone);
    let trials = trials
        .map(|trial| trial.with_ignored_flag(programs.is_none()))
        .collect();
    // Not `exit`: the database is to be stopped.
    libtest_mimic::run(&arguments, trials).exit_code()
}
