#include "prompt_rows.hpp"

#include <algorithm>
#include <cwchar>
#include <cwctype>

namespace coserve_client {
namespace {

/// Counts as libedit's refresh does: the cursor is never behind the last column.
class drawing {
public:
    explicit drawing(std::size_t columns) : columns_(std::max<std::size_t>(columns, 2)) {}

    void draw(wchar_t c) {
        if (c == L'\n')
            next_row();
        else if (c == L'\t')
            draw_tab();
        else if (std::iswprint(static_cast<wint_t>(c)) != 0)
            advance(static_cast<std::size_t>(std::max(::wcwidth(c), 0)));
        else
            draw_escape(c);
    }

    std::size_t row() const noexcept { return row_; }

private:
    void draw_tab() {
        do
            advance(1);
        while (column_ % 8 != 0);
    }

    /// `^A`, `\U+200B`, `\U+1F600`
    void draw_escape(wchar_t c) {
        const auto number = static_cast<unsigned long>(c);
        const int characters = number < 0x20 || number == 0x7f ? 2 : number > 0xffff ? 8 : 7;
        for (int i = 0; i < characters; ++i)
            advance(1);
    }

    /// A wide character is not split.
    void advance(std::size_t width) {
        if (column_ + width > columns_)
            next_row();
        column_ += width;
        if (column_ >= columns_)
            next_row();
    }

    void next_row() {
        ++row_;
        column_ = 0;
    }

    std::size_t columns_;
    std::size_t row_ = 0, column_ = 0;
};

}  // namespace

std::size_t rows_above_cursor(std::wstring_view drawn, std::size_t columns) {
    drawing d(columns);
    for (const wchar_t c : drawn)
        d.draw(c);
    return d.row();
}

}  // namespace coserve_client
