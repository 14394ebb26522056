//! The results as Markdown, for the terminal and for the documents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Scene;

/// Between these lines the results stand in the documents.
const BEGIN: &str = "<!-- Written by `make bench`. -->";
const END: &str = "<!-- The end of what `make bench` writes. -->";

/// In which order they are read; what is not named here comes after.
const ORDER: [&str; 11] = [
    "fleet",
    "wide",
    "edit-storm",
    "tear-down",
    "throttled",
    "one-edit",
    "quiet",
    "restart",
    "drift",
    "memory",
    "day",
];

type Scenes = BTreeMap<String, Scene>;

fn in_order(scenes: &Scenes) -> Vec<(&String, &Scene)> {
    let mut all: Vec<_> = scenes.iter().collect();
    all.sort_by_key(|(name, _)| {
        ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len())
    });
    all
}

/// Every figure that has a bar.
pub(super) fn table(scenes: &Scenes) -> String {
    let mut text = String::from("| scenario | | measured | at most | |\n|---|---|---:|---:|---|\n");
    for (name, scene) in in_order(scenes) {
        for row in &scene.rows {
            let Some(bar) = &row.bar else { continue };
            let verdict = if row.met { "" } else { "**missed**" };
            // Writing into a string cannot fail.
            let _ =
                writeln!(text, "| {name} | {} | {} | {bar} | {verdict} |", row.what, row.measured);
        }
    }
    text
}

/// The table, the pictures that there are, and what else was seen.
pub(super) fn results(scenes: &Scenes, link: &str, folder: &Path) -> String {
    let mut text = table(scenes);
    for (name, scene) in in_order(scenes) {
        let setting = &scene.setting;
        let _ = writeln!(text, "\n### {name}\n");
        let _ = writeln!(
            text,
            "{}, commit {}, {}; `{}`\n",
            setting.date, setting.commit, setting.machine, setting.command
        );
        for row in scene.rows.iter().filter(|row| row.bar.is_none()) {
            let _ = writeln!(text, "- {}: {}", row.what, row.measured);
        }
        let pictures: &[&str] =
            if name == "memory" { &["memory", "cpu"] } else { &[name.as_str()] };
        for picture in pictures {
            if folder.join(format!("{picture}.svg")).is_file() {
                let _ = writeln!(text, "\n![{picture}]({link}/{picture}.svg)");
            }
        }
    }
    text
}

/// Puts the results into the page, between the marks; a page without them gets them at its end.
pub(super) fn put_into(page: &Path, results: &str) -> Result<()> {
    let text = fs::read_to_string(page).unwrap_or_default();
    fs::write(page, with(&text, results)).with_context(|| format!("writing {}", page.display()))
}

fn with(text: &str, results: &str) -> String {
    let (before, rest) = text.split_once(BEGIN).unwrap_or((text, ""));
    let after = rest.split_once(END).map_or("\n", |(_, after)| after);
    format!("{before}{BEGIN}\n\n{results}\n{END}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_the_place_of_earlier_ones_and_of_nothing_else() {
        let once = with("# Title\n\nText.\n\n", "old");
        assert!(once.starts_with("# Title\n\nText.\n\n<!--"), "{once}");
        let page = once + "\n## More\n";
        let twice = with(&page, "new");
        assert_eq!(twice, page.replace("old", "new"));
    }
}
