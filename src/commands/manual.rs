//! `adit manual`: pages for `man`, made of the help texts.

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::{Cli, ManualArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::ui::Printer;

pub(crate) fn run(args: &ManualArgs, printer: Printer) -> Result<Exit, Failure> {
    let mut root = Cli::command();
    root.build();
    if let Some(folder) = &args.to {
        let fault = |error: std::io::Error| Failure::new(Kind::Config, error.to_string());
        fs_err::create_dir_all(folder).map_err(fault)?;
        let pages = pages(&root);
        for (name, page) in &pages {
            fs_err::write(folder.join(format!("{name}.1")), page).map_err(fault)?;
        }
        printer.note(&format!("{} pages are in {}", pages.len(), folder.display()));
        return Ok(Exit::Done);
    }
    let command = match &args.command {
        None => &root,
        Some(name) => root.find_subcommand(name).ok_or_else(|| {
            Failure::new(Kind::Usage, format!("there is no command {name}"))
                .hint("`adit --help` lists the commands")
        })?,
    };
    printer.data(page(command)?.trim_end())?;
    Ok(Exit::Done)
}

/// The page of a command and of all below it, by name.
fn pages(command: &Command) -> Vec<(String, String)> {
    let name = name(command);
    let below =
        command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help");
    let own = page(command).ok().map(|page| (name, page));
    own.into_iter().chain(below.flat_map(pages)).collect()
}

fn page(command: &Command) -> Result<String, Failure> {
    let fault = |error: &dyn std::fmt::Display| {
        Failure::new(Kind::Internal, format!("cannot make the page: {error}"))
    };
    let command = command.clone().display_name(name(command));
    let mut page = Vec::new();
    let source = concat!("adit ", env!("CARGO_PKG_VERSION"));
    Man::new(command).source(source).render(&mut page).map_err(|error| fault(&error))?;
    String::from_utf8(page).map_err(|error| fault(&error))
}

/// `adit-config-check` for `adit config check`.
fn name(command: &Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).replace(' ', "-")
}
