//! The demo for people: what happens to the resources, as it happens, until somebody ends it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, bail};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::picture::{HEADER, Picture};
use super::screen::Screen;
use super::stage::{PATIENCE, Stage};
use super::table;

/// How often an age is renewed.
const TICK: Duration = Duration::from_secs(1);

/// Plays until it fails.
pub(crate) async fn run(screen: &mut Screen) -> Result<()> {
    let stage = Stage::set(screen).await?;
    stage.play(watch(screen, &stage)).await
}

async fn watch(screen: &mut Screen, stage: &Stage) -> Result<()> {
    screen.step("applying config/samples")?;
    let samples = stage.apply_samples().await?;
    let mut show = Show::new(screen);
    let mut events =
        pin!(watcher(stage.all_servers()?, watcher::Config::default()).default_backoff());
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut too_late = pin!(sleep(PATIENCE));
    let mut greeted = false;
    loop {
        tokio::select! {
            // An error is not the end: it begins anew by itself.
            Some(event) = events.next() => if let Ok(event) = event {
                show.picture.take(event);
            },
            _ = ticks.tick() => {}
            () = &mut too_late, if !greeted => {
                bail!("not every resource is Ready after {PATIENCE:?}")
            }
        }
        show.update()?;
        if !greeted && show.picture.is_ready(samples.len()) {
            greeted = true;
            show.screen.step("all is Ready")?;
            show.screen.say(&invitation(stage))?;
        }
    }
}

/// A picture, and how much of it has been shown.
struct Show<'a> {
    screen: &'a mut Screen,
    picture: Picture,
    said: BTreeMap<String, String>,
}

impl<'a> Show<'a> {
    fn new(screen: &'a mut Screen) -> Self {
        Self { screen, picture: Picture::default(), said: BTreeMap::new() }
    }

    fn update(&mut self) -> Result<()> {
        if self.screen.redraws() {
            let rows = self.picture.rows(Timestamp::now());
            return self.screen.redraw(|room| table::render(HEADER, &rows, room));
        }
        let sayings = self.picture.sayings();
        for (name, saying) in &sayings {
            if self.said.get(name) != Some(saying) {
                self.screen.step(saying)?;
            }
        }
        for name in self.said.keys().filter(|&name| !sayings.contains_key(name)) {
            self.screen.step(&format!("{name}: gone"))?;
        }
        self.said = sayings;
        Ok(())
    }
}

/// What to try.
fn invitation(stage: &Stage) -> String {
    format!(
        "
Your kubectl works here, in another terminal:

  export KUBECONFIG={kubeconfig}
  kubectl get mcps -o wide
  kubectl edit mcps weather
  kubectl delete mcps orders    # ten seconds: AWS may show old states as long

What AgentCore holds, and what the operator says:

  curl -s {agentcore}/_emulator/targets
  tail -f {log}

Ctrl-C ends everything and leaves nothing behind.
",
        kubeconfig = stage.kubeconfig().display(),
        agentcore = stage.agentcore(),
        log = stage.operator_log().display(),
    )
}
