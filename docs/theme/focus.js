// Wide tables scroll; who has no mouse needs to reach them with the keyboard.
document$.subscribe(() => document.querySelectorAll(".md-typeset__scrollwrap").forEach((table) => { table.tabIndex = 0; }));
