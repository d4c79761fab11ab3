//! What somebody may try who sends files, asks for them, or names them, and which tests show that it comes to nothing.
//!
//! | what is tried | what holds | shown by |
//! |---|---|---|
//! | wrong bytes among right ones | the file is right, the liar is named by his second bad block, only bad blocks are fetched again | `swarming::a_liar_is_found_and_its_blocks_alone_are_fetched_again` |
//! | dying, stalling, refusing, other ranges, another file, a false tree | one honest source is enough | `swarming::whatever_the_others_do_one_honest_source_is_enough` |
//! | two files of one SHA-1 | whoever was given the root of the hash tree gets that file and no other | [`collision`] |
//! | names that are paths, devices, too long, or hide what they are | files only in the downloads folder, under names that every system takes | [`names`], `src/transfer/download/name.rs`, `store.rs`, `fetching::nothing_is_overwritten_and_no_name_is_trusted` |
//! | names, agents and reasons that a terminal would obey | all such characters are shown and none acted upon, in tables, bars, JSON and the log | `tests/command_line/strangers.rs`, `src/ui/clean.rs`, `src/ui/render` |
//! | links, pipes and devices in a shared folder, also put there while a file is asked for | nothing from outside is opened | [`outside`], `src/librarian/open.rs`, `tests/librarian.rs` |
//! | the user's own slip: sharing a home folder, keys, the system | refused without a typed yes | `src/librarian/oversharing.rs`, `tests/command_line/usage.rs` |
//! | heads without end, a byte now and then, a reader that does not read | each is cut off; whoever has something to say is heard | `serving::what_is_not_for_us_is_refused_and_ends_the_connection`, `serving::slow_heads_are_reaped`, `serving::a_reader_that_stalls_loses_its_slot`, `limits::who_reads_a_few_bytes_a_second_loses_his_slot`, `tests/networks/hostile.rs` |
//! | thousands of ranges in one request, a request within the body of another | one answer each, or the end | [`requests`] |
//! | more sockets than there are | neighbours stay, and the port is heard again | `tests/command_line/strangers.rs`, `tests/command_line/few_files.rs`, `serving::who_only_holds_a_connection_makes_room_for_others` |

mod collision;
mod names;
mod outside;
mod requests;
