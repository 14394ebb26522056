//! What to run: a program, its arguments, its environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Log, Process};
use crate::run::Run;

/// What a program may need of this process's environment to work at all.
const INHERITED: [&str; 2] = ["PATH", "HOME"];

/// A program to be started, once or several times.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    whole_env: bool,
    folder: Option<PathBuf>,
}

impl Program {
    /// The program at the path. The name is for logs and messages.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            whole_env: false,
            folder: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds `--name=value`, the form that takes any value.
    #[must_use]
    pub fn flag(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        self.arg(flag)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Hands on the whole environment, for tools that the user has set up by it. Our own programs
    /// get only what a test gives them.
    #[must_use]
    pub fn whole_env(mut self) -> Self {
        self.whole_env = true;
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts it. Its output goes to a file in the [run's](Run) folder of logs.
    pub fn spawn(&self) -> Result<Process> {
        // The shell would say so, too, but only in the log.
        ensure!(self.path.is_file(), "{}: no program {}", self.name, self.path.display());
        let (held, leash) = io::pipe()?;
        let (output, print) = io::pipe()?;
        let log = Log::capture(output, Run::current()?.log_file(&self.name))?;

        let mut command = Command::new("/bin/sh");
        command.args(["-c", include_str!("leash.sh"), "leash"]).arg(&self.path).args(&self.args);
        if !self.whole_env {
            command.env_clear();
            let inherited =
                INHERITED.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
            command.envs(inherited);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.process_group(0).stdin(held).stdout(print.try_clone()?).stderr(print);
        let child = command.spawn().with_context(|| format!("starting {}", self.name))?;
        // It holds our copies of the child's ends of the pipes, which would never end with them.
        drop(command);
        Process::new(self.name.clone(), child, leash, log)
    }
}
