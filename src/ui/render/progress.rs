//! One line that says how far the downloads are.

use std::time::Duration;

use super::hits::shorten;
use super::{rate, span};
use crate::transfer::DownloadStatus;
use crate::ui::clean::clean;

/// `↓ song.mp3 [=====>    ]  52 %  3.2 MiB/s  4 s left`, for one download or several together; fits `width` cells.
pub(in crate::ui) fn bar(downloads: &[DownloadStatus], width: usize) -> String {
    let done: u64 = downloads.iter().map(|download| download.done).sum();
    let size: u64 = downloads.iter().filter_map(|download| download.size).sum();
    let speed: u64 = downloads.iter().map(|download| download.rate).sum();
    let what = match downloads {
        [] => return String::new(),
        [one] => clean(&one.name).into_owned(),
        several => format!("{} files", several.len()),
    };
    let mut figures = match (done * 100).checked_div(size) {
        Some(percent) => format!("{percent:>3} %"),
        None => "  ? %".to_owned(),
    };
    match downloads {
        [one] if one.why.is_some() && one.rate == 0 => {
            figures.push_str("  ");
            figures.push_str(&clean(one.why.as_deref().unwrap_or_default()));
        }
        _ => figures.push_str(&format!("  {}", rate(speed))),
    }
    if let Some(left) = size.saturating_sub(done).checked_div(speed) {
        figures.push_str(&format!("  {} left", span(Duration::from_secs(left))));
    }
    let room = width.saturating_sub(1);
    // Name, bar and figures share the line: what is missing is taken from the bar first, then from the name.
    let name = shorten(&what, (room / 3).max(8));
    let drawn = room.saturating_sub(2 + 40 + 1 + 3 + 36).clamp(0, 24);
    let line = if drawn >= 8 {
        format!("↓ {name} {}  {figures}", gauge(done, size, drawn))
    } else {
        format!("↓ {name} {figures}")
    };
    shorten(&line, room)
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
    use crate::transfer::{DownloadId, DownloadState};
    use crate::ui::clean::tests::hostile;
    use unicode_width::UnicodeWidthStr;

    fn download(name: &str) -> DownloadStatus {
        DownloadStatus {
            id: DownloadId(1),
            name: name.to_owned(),
            size: Some(1000),
            done: 520,
            state: DownloadState::Running,
            sources: 1,
            why: None,
            path: None,
            sha1: None,
            rate: 120,
            spent: Duration::from_secs(4),
        }
    }

    #[test]
    fn a_bar_says_how_far_it_is() {
        let text = bar(&[download("song.mp3")], 120);
        assert!(
            text.starts_with("↓ song.mp3 [============>           ]   52 %  120 B/s"),
            "{text}"
        );
        assert!(text.ends_with("4.00 s left"), "{text}");
        assert!(bar(&[download("a"), download("b")], 80).starts_with("↓ 2 files"));
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
