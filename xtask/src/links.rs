//! Checks the links of all documents, without a network.
//!
//! Contract: a link to a file names one that exists in the checkout, a link to a heading one that is there,
//! by the name that GitHub gives it. What lies elsewhere is not asked.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// Folders without documents of ours.
const LEFT_OUT: [&str; 5] = [".git", "target", "dist", ".test-logs", "node_modules"];

/// Checks every document, and names each link that leads nowhere.
pub(crate) fn run() -> Result<()> {
    let root = super::root();
    let mut documents = BTreeMap::new();
    collect(&root, &root, &mut documents)?;
    ensure!(!documents.is_empty(), "no documents in {}", root.display());
    let mut count = 0;
    let mut broken = Vec::new();
    for (document, text) in &documents {
        for (line, target) in links(text) {
            count += 1;
            if let Some(problem) = problem(&root, &documents, document, &target) {
                broken.push(format!("{}:{line}: {target}: {problem}", document.display()));
            }
        }
    }
    if broken.is_empty() {
        println!("{count} links in {} documents", documents.len());
        return Ok(());
    }
    bail!("links that lead nowhere:\n{}", broken.join("\n"))
}

fn collect(root: &Path, folder: &Path, documents: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            collect(root, &path, documents)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path)?;
            documents.insert(path.strip_prefix(root)?.to_owned(), text);
        }
    }
    Ok(())
}

/// What is wrong with a link, if anything is.
fn problem(
    root: &Path,
    documents: &BTreeMap<PathBuf, String>,
    document: &Path,
    target: &str,
) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = match target.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (target, None),
    };
    let file = if file.is_empty() {
        document.to_owned()
    } else {
        let folder = document.parent().unwrap_or(Path::new(""));
        match resolve(&folder.join(file)) {
            Some(file) => file,
            None => return Some("leads out of the checkout".to_owned()),
        }
    };
    if !root.join(&file).exists() {
        return Some(format!("there is no {}", file.display()));
    }
    let heading = heading?;
    match documents.get(&file) {
        Some(text) if headings(text).iter().any(|name| name == heading) => None,
        Some(_) => Some(format!("{} has no such heading", file.display())),
        None => Some(format!("{} is no document with headings", file.display())),
    }
}

/// A path without its dots.
fn resolve(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}

/// The lines of a document outside its blocks of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let trimmed = line.trim_start();
        for mark in ["```", "~~~"] {
            if trimmed.starts_with(mark) && fence.is_none_or(|open| open == mark) {
                fence = if fence.is_some() { None } else { Some(mark) };
                return None;
            }
        }
        fence.is_none().then_some((index + 1, line))
    })
}

/// The targets of links and pictures, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some(end) = after.find(')') else { break };
            let target = after[..end].split_whitespace().next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
            rest = &after[end..];
        }
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            found.push((number, target.trim().to_owned()));
        }
    }
    found
}

/// A line with what stands in backticks left out: there a bracket is a bracket.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    // An odd number of them leaves the last one without its fellow.
    let closed = parts.len() - usize::from(parts.len().is_multiple_of(2));
    let kept = |(index, part): (usize, &&str)| {
        (index % 2 == 0 || index >= closed).then(|| (*part).to_owned())
    };
    parts.iter().enumerate().filter_map(kept).collect()
}

/// The names of the headings, as GitHub makes them.
fn headings(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let name: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = seen.entry(name.clone()).or_default();
        names.push(if *count == 0 { name.clone() } else { format!("{name}-{count}") });
        *count += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "see [a](b.md#c) and ![d](e.svg \"title\")\n```\n[no](no)\n```\n`[no](no)` [`f`](g)\n\
                    [h]: i.md\n";
        let found = links(text);
        let wanted = [(1, "b.md#c"), (1, "e.svg"), (5, "g"), (6, "i.md")];
        assert_eq!(found, wanted.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn headings_are_called_as_github_calls_them() {
        let text =
            "# One `two`: three!\n## 1. Create IAM Role\n```\n# no\n```\n## Again\n## Again\n#no\n";
        assert_eq!(headings(text), ["one-two-three", "1-create-iam-role", "again", "again-1"]);
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        let root = super::super::root();
        let text = |text: &str| text.to_owned();
        let documents = BTreeMap::from([
            (PathBuf::from("README.md"), text("# Here\n")),
            (PathBuf::from("docs/api.md"), text("# There\n")),
        ]);
        let check = |target| problem(&root, &documents, Path::new("docs/api.md"), target);
        for fine in ["#there", "../README.md#here", "../Cargo.toml", "https://example.com/x#y"] {
            assert_eq!(check(fine), None, "{fine}");
        }
        for broken in ["#here", "../README.md#there", "nothing.md", "../../out", "../Cargo.toml#x"]
        {
            assert!(check(broken).is_some(), "{broken}");
        }
    }
}
