//! The command line: flags as they come, and what they mean.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Parser;
use emulator::{Durations, Place, Places, Settings, SettingsChange};
use jiff::SignedDuration;

/// Emulates the Bedrock AgentCore control plane: gateways and gateway targets.
///
/// Point any AWS client at it: AWS_ENDPOINT_URL=<the address it prints>, and any credentials and
/// Region. It prints `listening on http://ADDRESS` on standard output once it serves, and ends
/// on SIGINT or SIGTERM. The admin API under /_emulator/ shows and changes what it holds.
#[derive(Debug, Parser)]
#[command(name = "agentcore-emulator", version, verbatim_doc_comment)]
#[expect(clippy::doc_markdown, reason = "help text is not Markdown")]
pub(crate) struct Flags {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Settings, in YAML; the flags below override it, and the README lists what there is to set
    #[arg(long, value_name = "FILE")]
    settings: Option<String>,

    /// A gateway that exists from the start, by its ID of any form; repeatable
    #[arg(long, value_name = "ID")]
    gateway: Vec<String>,

    /// Region of these gateways; without it they answer in any Region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Account of every caller [default: 123456789012]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,

    /// How long a target is CREATING [default: 2s]
    #[arg(long, value_name = "DURATION")]
    creating: Option<String>,

    /// How long a target is UPDATING [default: 1s]
    #[arg(long, value_name = "DURATION")]
    updating: Option<String>,

    /// How long a target is DELETING [default: 1500ms]
    #[arg(long, value_name = "DURATION")]
    deleting: Option<String>,

    /// How long a target is SYNCHRONIZING [default: 1s]
    #[arg(long, value_name = "DURATION")]
    synchronizing: Option<String>,

    /// Enforce the quotas that AWS documents
    #[arg(long)]
    quotas: bool,

    /// Seed of all IDs and draws, for runs that can be repeated [default: 0]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<String>,
}

/// What the flags mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) listen: SocketAddr,
    pub(crate) settings: Settings,
}

impl Flags {
    /// Every error names the flag and the value that is wrong.
    pub(crate) fn resolve(&self) -> anyhow::Result<Command> {
        let path = set(self.settings.as_deref());
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("--settings {path}: cannot be read"))?,
            // No file says as much as an empty one.
            None => String::new(),
        };
        let path = path.unwrap_or_default();
        let mut defaults = Settings::default();
        SettingsChange::from_yaml(&text)
            .with_context(|| format!("--settings {path}"))?
            .apply(&mut defaults);
        let listen = set(self.listen.as_deref()).unwrap_or("127.0.0.1:0");
        let listen = listen
            .parse()
            .with_context(|| format!("--listen {listen}: not an address like 127.0.0.1:8080"))?;
        let account = set(self.account.as_deref()).unwrap_or(&defaults.account);
        if account.len() != 12 || !account.chars().all(|digit| digit.is_ascii_digit()) {
            bail!("--account {account}: not twelve digits");
        }
        let seed = match set(self.seed.as_deref()) {
            Some(seed) => {
                seed.parse().with_context(|| format!("--seed {seed}: not a whole number"))?
            }
            None => defaults.seed,
        };
        let mut gateways = std::mem::take(&mut defaults.gateways);
        let in_file = gateways.len();
        for id in self.gateway.iter().filter_map(|id| set(Some(id))) {
            if id.contains('/') || id.starts_with("arn:") {
                bail!("--gateway {id}: an ID, not an ARN or a path");
            }
            gateways.push(id.to_owned());
        }
        let durations = Durations {
            creating: duration(
                "--creating",
                self.creating.as_deref(),
                defaults.durations.creating,
            )?,
            updating: duration(
                "--updating",
                self.updating.as_deref(),
                defaults.durations.updating,
            )?,
            deleting: duration(
                "--deleting",
                self.deleting.as_deref(),
                defaults.durations.deleting,
            )?,
            synchronizing: duration(
                "--synchronizing",
                self.synchronizing.as_deref(),
                defaults.durations.synchronizing,
            )?,
        };
        let mut quotas = defaults.quotas.clone();
        quotas.enforced |= self.quotas;
        let settings = Settings {
            account: account.to_owned(),
            region: set(self.region.as_deref()).map(str::to_owned).or(defaults.region),
            quotas,
            gateways,
            durations,
            seed,
            ..defaults
        };
        settings.check().map_err(|clash| {
            let places = Places::of(&text);
            anyhow!(clash.told(|entry| match entry.as_gateway() {
                Some(index) if index >= in_file => Given::ByFlag(&settings.gateways[index]),
                _ => Given::InFile(path, places.place(entry)),
            }))
        })?;
        Ok(Command { listen, settings })
    }
}

/// Where something is given. Flags come after the file, so it is theirs that is one too many.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Given<'a> {
    InFile(&'a str, Place),
    ByFlag(&'a str),
}

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFile(path, place) => write!(f, "--settings {path}: {place}"),
            Self::ByFlag(gateway) => write!(f, "--gateway {gateway}"),
        }
    }
}

/// White space around a value does not count, and an empty value is no value: scripts write
/// `--region "$REGION"` whether or not there is one.
fn set(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn duration(flag: &str, value: Option<&str>, default: Duration) -> anyhow::Result<Duration> {
    let Some(value) = set(value) else { return Ok(default) };
    let parsed: SignedDuration =
        value.parse().with_context(|| format!("{flag} {value}: not a duration like 1500ms"))?;
    Duration::try_from(parsed).with_context(|| format!("{flag} {value}: less than nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(arguments: &[&str]) -> anyhow::Result<Command> {
        Flags::parse_from([&["agentcore-emulator"], arguments].concat()).resolve()
    }

    #[test]
    fn defaults_and_empty_flags_are_the_same() {
        let plain = resolve(&[]).unwrap();
        assert_eq!(plain.settings, Settings::default());
        assert_eq!(plain.listen.to_string(), "127.0.0.1:0");
        let empty = ["--region", "", "--account", " ", "--creating", "", "--gateway", "", "--seed"];
        assert_eq!(resolve(&[&empty[..], &[""]].concat()).unwrap(), plain);
    }

    #[test]
    fn flags_are_understood() {
        let command = resolve(&[
            "--gateway=a",
            "--gateway",
            " b ",
            "--region=eu-west-1",
            "--account=000000000001",
            "--creating=50ms",
            "--deleting=0s",
            "--seed=7",
            "--listen=127.0.0.1:4566",
            "--quotas",
        ])
        .unwrap();
        assert_eq!(command.listen.port(), 4566);
        assert_eq!(command.settings.gateways, ["a", "b"]);
        assert_eq!(command.settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(command.settings.durations.creating, Duration::from_millis(50));
        assert_eq!(command.settings.durations.deleting, Duration::ZERO);
        assert_eq!(command.settings.seed, 7);
        assert!(command.settings.quotas.enforced);
    }

    #[test]
    fn flags_override_the_settings_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.yaml");
        let flag = format!("--settings={}", path.display());
        std::fs::write(&path, "gateways: [a]\nseed: 3\ndurations: {creating: 9s}\n").unwrap();
        let settings = resolve(&[&flag, "--gateway=b", "--seed=4"]).unwrap().settings;
        assert_eq!(settings.gateways, ["a", "b"]);
        assert_eq!((settings.seed, settings.durations.creating.as_secs()), (4, 9));

        std::fs::write(&path, "seed: 3\nfaults:\n  - {fault: explode}\n").unwrap();
        let error = format!("{:#}", resolve(&[&flag]).unwrap_err());
        assert!(error.starts_with(&flag.replacen('=', " ", 1)), "{error}");
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn wrong_values_are_named() {
        for (flag, value) in [
            ("--listen", "here"),
            ("--account", "12"),
            ("--creating", "soon"),
            ("--updating", "-1s"),
            ("--seed", "x"),
            ("--gateway", "arn:aws:x"),
        ] {
            let error = resolve(&[&format!("{flag}={value}")]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{flag} {value}: ")), "{error}");
        }
    }

    #[test]
    fn a_flag_and_the_file_that_contradict_each_other_are_both_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.yaml");
        let flag = format!("--settings={}", path.display());
        let file = flag.replacen('=', " ", 1);
        let refusal =
            |flags: &[&str]| format!("{:#}", resolve(&[&[&flag[..]], flags].concat()).unwrap_err());

        let account = "accounts:\n  - {id: \"111111111111\", gateways: [x]}\n";
        std::fs::write(&path, format!("{account}gateways: [a]\n")).unwrap();
        assert_eq!(
            refusal(&["--gateway=b", "--gateway=x"]),
            format!(
                "--gateway x: gateway \"x\" is already account 111111111111's ({file}: line 2 \
                 column 37): give it once"
            )
        );
        assert_eq!(
            refusal(&["--gateway=a"]),
            format!(
                "--gateway a: gateway \"a\" is already one of `gateways` ({file}: line 3 column \
                 12): give it once"
            )
        );
        let twice = resolve(&["--gateway=a", "--gateway=a"]).unwrap_err().to_string();
        assert!(twice.starts_with("--gateway a: gateway \"a\" is already "), "{twice}");

        // What the file says twice is its own mistake.
        std::fs::write(&path, format!("{account}gateways: [x]\n")).unwrap();
        assert_eq!(
            refusal(&["--gateway=b"]),
            format!(
                "{file}: line 3 column 12: gateway \"x\" is already account 111111111111's (line 2 \
                 column 37): give it once"
            )
        );
    }
}
