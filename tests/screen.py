"""What a terminal would show: as much of one as our programs and libedit make use of."""

import codecs
import re
import unicodedata

SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b[=>]|\x1b\([A-Z0-9]")


def width(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """Rows of cells; a wide character has an empty cell behind it. What is not understood is an error."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.row = self.column = 0
        self._cells = [[" "] * columns for _ in range(rows)]
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""
        self._wraps = False  # the last column is full: the next character begins a row
        self._inserts = False

    def __str__(self):
        frame = "+" + "-" * self.columns + "+"
        return "\n".join([frame, *("|" + "".join(row) + "|" for row in self._cells), frame, f"{self.row}:{self.column}"])

    def lines(self):
        """What stands there, without blanks at the ends and rows that have nothing else below."""
        lines = ["".join(row).rstrip() for row in self._cells]
        while lines and not lines[-1] and len(lines) > self.row + 1:
            lines.pop()
        return lines

    def resize(self, rows, columns):
        """Larger; as some terminals do, without joining what was wrapped."""
        self._cells = [row + [" "] * (columns - self.columns) for row in self._cells]
        self._cells += [[" "] * columns for _ in range(rows - self.rows)]
        self.rows, self.columns, self._wraps = rows, columns, False

    def feed(self, data):
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        while text:
            if text[0] == "\x1b":
                match = SEQUENCE.match(text)
                if not match:
                    assert len(text) < 16, f"not understood: {text[:16]!r}"
                    self._rest = text
                    return
                if match[2]:
                    self._obey(match[1], match[2])
                text = text[match.end() :]
            else:
                self._put(text[0])
                text = text[1:]

    def _put(self, character):
        if character == "\r":
            self.column, self._wraps = 0, False
        elif character == "\n":
            self._next_row()
        elif character == "\b":
            self.column, self._wraps = max(0, self.column - 1), False
        elif character == "\a":
            pass
        elif character < " ":
            raise AssertionError(f"not understood: {character!r}")
        else:
            self._draw(character)

    def _draw(self, character):
        cells = width(character)
        if cells == 0:
            return
        if self._wraps or self.column + cells > self.columns:
            self.column, self._wraps = 0, False
            self._next_row()
        row = self._cells[self.row]
        if self._inserts:
            row[self.column : self.column] = [""] * cells
            del row[self.columns :]
        row[self.column : self.column + cells] = [character] + [""] * (cells - 1)
        self.column += cells
        if self.column == self.columns:
            self.column, self._wraps = self.columns - 1, True

    def _next_row(self):
        self._wraps = False
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self._cells = self._cells[1:] + [[" "] * self.columns]

    def _obey(self, parameters, final):
        if parameters in ("4", "?4") and final in "hl":
            self._inserts = final == "h" and parameters == "4"
            return
        if final in "mhl":
            return
        numbers = [int(n or 0) for n in parameters.split(";")]
        count = max(1, numbers[0])
        self._wraps = False
        row = self._cells[self.row]
        if final == "A":
            self.row = max(0, self.row - count)
        elif final == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif final == "D":
            self.column = max(0, self.column - count)
        elif final == "G":
            self.column = min(self.columns, count) - 1
        elif final == "H":
            self.row, self.column = count - 1, max(1, numbers[-1]) - 1 if len(numbers) > 1 else 0
        elif final == "J" and numbers[0] in (0, 2):
            row[self.column :] = [" "] * (self.columns - self.column)
            first = 0 if numbers[0] == 2 else self.row + 1
            for below in range(first, self.rows):
                self._cells[below] = [" "] * self.columns
        elif final == "K" and numbers[0] == 0:
            row[self.column :] = [" "] * (self.columns - self.column)
        elif final == "P":
            del row[self.column : self.column + count]
            row += [" "] * (self.columns - len(row))
        elif final == "@":
            row[self.column : self.column] = [" "] * count
            del row[self.columns :]
        else:
            raise AssertionError(f"not understood: CSI {parameters}{final}")
