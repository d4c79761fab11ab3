//! Tables whose rows are all known: peers, downloads, uploads, the library.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use unicode_width::UnicodeWidthStr;

use crate::ui::clean::clean;

/// The lines of a table, wrapped to `width` where there is one. Every cell is cleaned.
///
/// Where not all has room, the gaps become narrow first, and then the widest columns: whoever has an address or a number
/// in two lines has neither.
pub(in crate::ui) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    width: Option<usize>,
) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    let mut words = header.map(longest_word);
    for row in rows {
        let row = row.map(|cell| clean(&cell).into_owned());
        for (word, cell) in words.iter_mut().zip(&row) {
            *word = longest_word(cell).max(*word);
        }
        table.add_row(row);
    }
    if let Some(width) = width {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        fit(&mut table, &words, width);
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// The cells that the longest word of `text` takes.
fn longest_word(text: &str) -> usize {
    text.split(' ')
        .map(UnicodeWidthStr::width)
        .max()
        .unwrap_or(0)
}

/// Makes `table` no wider than `width`. No column becomes narrower than the longest of its `words` while others can.
fn fit(table: &mut Table, words: &[usize], width: u16) {
    let widths: Vec<_> = table
        .column_max_content_widths()
        .into_iter()
        .map(usize::from)
        .collect();
    let width = usize::from(width);
    let room = |gap: usize| width.saturating_sub(widths.len() * gap);
    if widths.iter().sum::<usize>() <= room(2) {
        return;
    }
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    // Half of the gap, and no column wider than what leaves room for all.
    let room = room(1);
    let cut = |most: usize, least: usize| {
        let columns = widths.iter().zip(words);
        columns
            .map(|(one, word)| *one.min(&most.max(*word.min(&least))))
            .collect::<Vec<_>>()
    };
    let fitting = [usize::MAX, 0]
        .into_iter()
        .flat_map(|least| (1..=room).rev().map(move |most| (most, least)))
        .map(|(most, least)| cut(most, least))
        .find(|columns| columns.iter().sum::<usize>() <= room);
    let Some(mut columns) = fitting else {
        return;
    };
    let mut spare = room - columns.iter().sum::<usize>();
    for (column, natural) in columns.iter_mut().zip(&widths) {
        let more = spare.min(natural - *column);
        *column += more;
        spare -= more;
    }
    for (column, content) in table.column_iter_mut().zip(columns) {
        let content = u16::try_from(content).unwrap_or(u16::MAX);
        column.set_padding((1, 0));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(content + 1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::clean::tests::hostile;

    #[test]
    fn cells_are_cleaned_and_wrapped() {
        let rows = hostile(10_000).map(|text| [text, "x".to_owned()]);
        for line in table(["name", "other"], rows, Some(60)) {
            assert_eq!(clean(&line), line);
            assert!(line.width() <= 60, "{line}");
        }
    }

    #[test]
    fn only_the_widest_columns_are_cut_and_between_words() {
        let header = ["host", "role", "vendor", "up", "remarks"];
        let row = [
            "127.0.0.1:6347",
            "ultrapeer",
            "servent/0.1.0",
            "8.6 s",
            "one two three four five six seven",
        ];
        let rows = || [row.map(str::to_owned)];
        assert_eq!(table(header, rows(), Some(90)), table(header, rows(), None));
        assert_eq!(
            table(header, rows(), Some(64)),
            [
                " host           role      vendor        up    remarks",
                " 127.0.0.1:6347 ultrapeer servent/0.1.0 8.6 s one two three four",
                "                                              five six seven",
            ]
        );
        // An address is not cut while a name that has gaps can be.
        let row = ["a song of many words, and more", "127.0.0.1:6347"];
        assert_eq!(
            table(["name", "host"], [row.map(str::to_owned)], Some(30)),
            [
                " name           host",
                " a song of many 127.0.0.1:6347",
                " words, and",
                " more",
            ]
        );
        // Where words alone are too much they are cut, too.
        let row = ["x".repeat(30), "127.0.0.1:6347".to_owned()];
        let lines = table(["name", "host"], [row], Some(30));
        assert!(lines.iter().all(|line| line.width() <= 30), "{lines:?}");
    }
}
