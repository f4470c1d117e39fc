import { editor } from "monaco-graphql/esm/monaco-editor.js";

// The editor's own themes, with our colours and enough contrast on the answer's tinted ground.
const CLEAR = "#ffffff00";

function colors({ accent, ground, raised, line, soft }) {
  return {
    "editor.background": CLEAR,
    "scrollbar.shadow": CLEAR,
    "editorHoverWidget.background": ground,
    "editorHoverWidget.border": line,
    "editorLineNumber.dimmedForeground": soft,
    "editorLink.activeForeground": accent,
    "editorSuggestWidget.background": ground,
    "editorSuggestWidget.border": line,
    "editorSuggestWidget.highlightForeground": accent,
    "editorSuggestWidget.focusHighlightForeground": accent,
    "editorSuggestWidget.selectedBackground": raised,
    "editorSuggestWidget.selectedForeground": accent,
    "editorWidget.background": ground,
    "editorWidget.border": line,
    focusBorder: accent,
    "list.highlightForeground": accent,
    "list.hoverBackground": raised,
    "menu.background": ground,
    "menu.selectionBackground": raised,
    "menu.selectionForeground": accent,
    "quickInput.background": ground,
    "quickInputList.focusBackground": raised,
    "quickInputList.focusForeground": accent,
    "textLink.foreground": accent,
    "textLink.activeForeground": accent,
  };
}

editor.defineTheme("fieldgate-light", {
  base: "vs",
  inherit: true,
  colors: colors({ accent: "#0b5c8a", ground: "#ffffff", raised: "#e8eef5", line: "#dbe1ea", soft: "#4f5d75" }),
  rules: [
    { token: "argument.identifier.gql", foreground: "#5a57bf" },
    { token: "comment", foreground: "#4f6b4f" },
    { token: "number", foreground: "#0a6b46" },
  ],
});

editor.defineTheme("fieldgate-dark", {
  base: "vs-dark",
  inherit: true,
  colors: colors({ accent: "#7fd1ff", ground: "#202838", raised: "#33405a", line: "#3a465e", soft: "#aab7cf" }),
  rules: [
    { token: "argument.identifier.gql", foreground: "#a9a5ff" },
    { token: "comment", foreground: "#8fb08f" },
  ],
});

export const editorTheme = { light: "fieldgate-light", dark: "fieldgate-dark" };
