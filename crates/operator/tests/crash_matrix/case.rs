//! One case: one story, one cut.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, bail};
use testkit::proxy::{Cut, Point};

use crate::checks::{ends, fetched, rests, violation};
use crate::stage::Stage;
use crate::tales::{CORE, OTHERS, Tale};
use crate::variants::{UNKNOWNS, Variant};

/// No case takes longer than this.
const LIMIT: Duration = Duration::from_mins(6);

/// A story in an AgentCore of a certain kind.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    pub(crate) tale: &'static Tale,
    /// Other than the one that the tale names.
    variant: Option<&'static Variant>,
}

impl Story {
    /// Every story in the AgentCore that it names, the core first.
    pub(crate) fn usual() -> Vec<Self> {
        CORE.iter().chain(&OTHERS).map(|tale| Self { tale, variant: None }).collect()
    }

    /// The core under every variant of what is not known.
    pub(crate) fn unknowns() -> Vec<Self> {
        let under = |variant| CORE.iter().map(move |tale| Self { tale, variant: Some(variant) });
        UNKNOWNS.iter().flat_map(under).collect()
    }

    fn world(&self) -> &'static Variant {
        self.variant.unwrap_or(self.tale.world)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tale.name)?;
        self.variant.map_or(Ok(()), |variant| write!(formatter, ", {}", variant.name))
    }
}

/// A story, and what befalls the operator in it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) story: Story,
    pub(crate) cut: Option<(Point, Cut)>,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.story)?;
        self.cut.as_ref().map_or(Ok(()), |(point, cut)| write!(formatter, "/{point}/{cut}"))
    }
}

impl FromStr for Case {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('/');
        let name = parts.next().unwrap_or_default();
        let mut stories = Story::usual().into_iter().chain(Story::unknowns());
        let story = stories.find(|story| story.to_string() == name);
        let story = story.with_context(|| format!("no story {name}"))?;
        let cut = match (parts.next(), parts.next()) {
            (Some(point), Some(cut)) => Some((point.parse()?, cut.parse()?)),
            (None, _) => None,
            (Some(_), None) => bail!("a case is like edit/patch status#2/DiesAfter"),
        };
        Ok(Self { story, cut })
    }
}

/// What came of a case that went well.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) points: Vec<Point>,
    /// Whether what was to befall the operator did.
    pub(crate) was_reached: bool,
    pub(crate) took: Duration,
}

impl Case {
    /// Plays it. Alone, it is told in detail.
    pub(crate) async fn play(&self, alone: bool) -> Result<Played> {
        let begun = Instant::now();
        let Story { tale, .. } = self.story;
        let stage =
            Stage::begin(self.story.world(), tale.flags, if alone { "debug" } else { "info" })
                .await?;
        let course = async {
            (tale.given)(&stage).await.context("before the story")?;
            stage.count(self.cut.clone()).await?;
            (tale.happens)(&stage).await?;
            ends(&stage, tale.end).await?;
            stage.points.stop_counting().await;
            rests(&stage, tale.end).await?;
            fetched(&stage, tale, self.cut.is_some())?;
            stage.then_nothing_panicked().await
        };
        tokio::select! {
            error = violation(&stage, tale) => return Err(error),
            error = stage.goes_on() => return Err(error),
            ended = tokio::time::timeout(LIMIT, course) => ended.context("it takes for ever")??,
        }
        if !alone {
            stage.forget_logs();
        }
        Ok(Played {
            points: stage.points.seen(),
            was_reached: stage.points.was_reached(),
            took: begun.elapsed(),
        })
    }
}

#[test]
fn a_case_is_found_by_the_name_that_it_prints() {
    for name in ["move and come back", "edit, reads lag/patch status#2/DiesAfter"] {
        assert_eq!(name.parse::<Case>().unwrap().to_string(), name);
    }
}
