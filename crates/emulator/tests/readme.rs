//! The README's list of settings is complete, can be read, and shows the defaults.

use emulator::{Settings, SettingsChange};

#[test]
fn the_settings_in_the_readme_are_the_defaults() {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let shown = SettingsChange::from_yaml(text).unwrap();
    let mut settings = Settings::default();
    shown.apply(&mut settings);
    let defaults = Settings { region: Some("eu-central-1".to_owned()), ..Settings::default() };
    assert_eq!(settings, defaults);
    // Every member is there: the defaults as a change have all of them.
    let shown = SettingsChange::from_yaml(text).unwrap();
    assert_eq!(shown, SettingsChange::from(&defaults));
}

/// There are two binaries, and the README's first command names none.
#[test]
fn what_cargo_runs_is_the_emulator() {
    assert!(include_str!("../README.md").contains("    cargo run -p emulator -- --gateway demo"));
    assert!(include_str!("../Cargo.toml").contains("\ndefault-run = \"agentcore-emulator\"\n"));
}
