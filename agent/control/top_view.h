// What `lastseen top` shows: two answers of an agent as lines of a screen. Pure; the terminal is
// top_command.cc's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "control/status_read.h"

namespace lastseen {

struct TopLine {
  enum class Style { kPlain, kHeading, kGood, kTrouble };
  std::string text;
  Style style = Style::kPlain;
};

struct TopView {
  std::optional<AgentStatus> latest;  ///< None: no agent has answered yet.
  std::optional<AgentStatus> before;  ///< Rates are the difference to it; none: no rates yet.
  std::string trouble;                ///< Why the agent does not answer now; empty: it does.
  size_t scroll = 0;                  ///< So many lines of the list of inputs are above the screen.
};

struct TopScreen {
  std::vector<TopLine> lines;
  size_t scroll = 0;  ///< That of the view, or the most that makes sense.
};

/// Never more than `rows` lines nor wider than `columns` characters; 0: as many as there are. When
/// the list of inputs and files does not fit, its last line says how many are left.
TopScreen top_screen(const TopView& view, Now now, size_t rows, size_t columns);

/// `text` cut to so many code points; 0: whole.
std::string cut_to_width(const std::string& text, size_t columns);

}  // namespace lastseen
