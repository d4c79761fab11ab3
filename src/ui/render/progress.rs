//! One line that says how far the downloads are.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{bytes, rate, shorten, span};
use crate::transfer::{DownloadState, DownloadStatus};
use crate::ui::clean::clean;

/// `↓ song.mp3 [=====>    ]  52 %  3.2 MiB/s  4 s left`, for one download or several together; fits `width` cells. Nothing
/// for those that are paused.
pub(in crate::ui) fn bar(downloads: &[DownloadStatus], width: usize) -> String {
    let downloads = downloads.iter();
    let downloads: Vec<_> = downloads
        .filter(|one| one.state != DownloadState::Paused)
        .collect();
    let done: u64 = downloads.iter().map(|download| download.done).sum();
    let size: u64 = downloads.iter().filter_map(|download| download.size).sum();
    let speed: u64 = downloads.iter().map(|download| download.rate).sum();
    let what = match &downloads[..] {
        [] => return String::new(),
        [one] => clean(&one.name).into_owned(),
        several => format!("{} files", several.len()),
    };
    let percent = match (done * 100).checked_div(size) {
        Some(percent) => format!("{percent:>3} %"),
        None => bytes(done),
    };
    // A download that stands still says why instead of how fast.
    let pace = match &downloads[..] {
        [one] if one.rate == 0 && one.why.is_some() => {
            clean(one.why.as_deref().unwrap_or_default()).into_owned()
        }
        _ => rate(speed),
    };
    let left = size.saturating_sub(done).checked_div(speed).map(left);

    // What fits is shown, the most telling first: name and percent, pace, time left, and a gauge in the cells that
    // then remain.
    let room = width.saturating_sub(1);
    let name = shorten(&what, (room / 3).clamp(8, 40));
    let mut figures = percent;
    for figure in [Some(pace), left].into_iter().flatten() {
        if "↓ ".width() + name.width() + 1 + figures.width() + 2 + figure.width() <= room {
            figures = format!("{figures}  {figure}");
        }
    }
    let cells = room.saturating_sub("↓  []  ".width() + name.width() + figures.width());
    let line = match cells.min(GAUGE) {
        0..8 => format!("↓ {name} {figures}"),
        cells => format!("↓ {name} {}  {figures}", gauge(done, size, cells)),
    };
    shorten(&line, room)
}

/// The width of a gauge on a screen with room for it.
const GAUGE: usize = 24;

fn left(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s left"),
        _ => format!("{} left", span(Duration::from_secs(seconds))),
    }
}

/// `[===>   ]`, `cells` wide inside.
fn gauge(done: u64, size: u64, cells: usize) -> String {
    let full = (u128::from(done) * cells as u128)
        .checked_div(u128::from(size))
        .unwrap_or(0) as usize;
    let full = full.min(cells);
    let tip = if full < cells { ">" } else { "" };
    let rest = cells - full - tip.len();
    format!("[{}{tip}{}]", "=".repeat(full), " ".repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::DownloadId;
    use crate::ui::clean::tests::hostile;

    fn download(name: &str) -> DownloadStatus {
        DownloadStatus {
            size: Some(1000),
            done: 520,
            state: DownloadState::Running,
            sources: 1,
            rate: 120,
            spent: Duration::from_secs(4),
            ..DownloadStatus::new(DownloadId(1), name.to_owned())
        }
    }

    #[test]
    fn a_bar_says_how_far_it_is() {
        let gauge = format!("[{}>{}]", "=".repeat(12), " ".repeat(11));
        let bar_at = |width| bar(&[download("song.mp3")], width);
        assert_eq!(
            bar_at(80),
            format!("↓ song.mp3 {gauge}   52 %  120 B/s  4 s left")
        );
        assert_eq!(bar_at(40), "↓ song.mp3  52 %  120 B/s  4 s left");
        assert_eq!(bar_at(30), "↓ song.mp3  52 %  120 B/s");
        assert!(bar(&[download("a"), download("b")], 80).starts_with("↓ 2 files"));
        let paused = DownloadStatus {
            state: DownloadState::Paused,
            ..download("b")
        };
        let both = [download("a"), paused];
        assert!(bar(&both, 80).starts_with("↓ a "));
        assert_eq!(bar(&both[1..], 80), "");
    }

    #[test]
    fn odd_figures_do_no_harm() {
        assert_eq!(gauge(0, 0, 4), "[>   ]");
        assert_eq!(gauge(9, 3, 4), "[====]");
        assert_eq!(gauge(u64::MAX, u64::MAX, 4), "[====]");
    }

    #[test]
    fn hostile_names_are_cleaned_and_fit() {
        for name in hostile(10_000) {
            for width in [40, 80] {
                let text = bar(&[download(&name)], width);
                assert_eq!(clean(&text), text);
                assert!(text.width() < width, "{text}");
            }
        }
    }
}
