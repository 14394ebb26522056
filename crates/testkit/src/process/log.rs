//! What a process prints: into a file for people, and line by line to whoever waits for a line.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use tokio::time::timeout;

/// How many lines an error shows.
const TAIL: usize = 30;

/// The output of a process so far.
#[derive(Clone, Debug)]
pub struct Log {
    file: PathBuf,
    output: watch::Receiver<Output>,
}

#[derive(Debug, Default)]
struct Output {
    lines: Vec<Arc<str>>,
    ended: bool,
}

impl Log {
    /// Copies what comes out of the pipe, until its end, on a thread of its own: a runtime can end
    /// before the process does.
    pub(super) fn capture(pipe: PipeReader, file: PathBuf) -> Result<Self> {
        let mut copy =
            File::create(&file).with_context(|| format!("creating {}", file.display()))?;
        let (sender, output) = watch::channel(Output::default());
        thread::Builder::new().name("log".into()).spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                // A full disk must not stop the process whose output this is.
                let _ = copy.write_all(&line);
                let text = String::from_utf8_lossy(&line);
                let text = Arc::from(text.trim_end_matches(['\r', '\n']));
                sender.send_modify(|output| output.lines.push(text));
                line.clear();
            }
            sender.send_modify(|output| output.ended = true);
        })?;
        Ok(Self { file, output })
    }

    /// The file that holds it.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.output.borrow().lines.join("\n")
    }

    /// Its last lines, for an error message.
    #[must_use]
    pub fn tail(&self) -> String {
        let output = self.output.borrow();
        output.lines[output.lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.output.borrow().lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that begins with the first line.
    #[must_use]
    pub fn from_start(&self) -> Lines {
        Lines { log: self.clone(), next: 0 }
    }

    /// A reader that begins with the next line to come.
    #[must_use]
    pub fn from_now(&self) -> Lines {
        Lines { log: self.clone(), next: self.len() }
    }

    /// Waits until the process and all that it has started have closed their output.
    pub(super) async fn ended(&self) {
        // The sender's going without a word is an end, too.
        let _ = self.output.clone().wait_for(|output| output.ended).await;
    }
}

/// A place in a log, from which to wait for lines.
#[derive(Clone, Debug)]
pub struct Lines {
    log: Log,
    next: usize,
}

impl Lines {
    /// The next line that is meant, waiting for it if need be. `what` says what is awaited.
    pub async fn find(
        &mut self,
        what: &str,
        within: Duration,
        meant: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let Self { log, next } = self;
        let mut found = None;
        let search = log.output.wait_for(|output| {
            while let Some(line) = output.lines.get(*next) {
                *next += 1;
                if meant(line) {
                    found = Some(line.to_string());
                    return true;
                }
            }
            output.ended
        });
        let in_time = timeout(within, search).await.is_ok();
        match found {
            Some(line) => Ok(line),
            None if in_time => bail!("its output ended without {what}:\n{}", log.tail()),
            None => bail!("no {what} within {within:?}; its last lines:\n{}", log.tail()),
        }
    }
}
