#include "prompt_rows.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <string>

namespace coserve_client {
namespace {

class prompt_rows_test : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
};

TEST_F(prompt_rows_test, full_rows_have_the_cursor_below) {
    EXPECT_EQ(rows_above_cursor(L"", 40), 0U);
    EXPECT_EQ(rows_above_cursor(std::wstring(39, L'x'), 40), 0U);
    EXPECT_EQ(rows_above_cursor(std::wstring(40, L'x'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(std::wstring(79, L'x'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(std::wstring(80, L'x'), 40), 2U);
}

TEST_F(prompt_rows_test, a_wide_character_is_not_split) {
    EXPECT_EQ(rows_above_cursor(std::wstring(19, L'阿'), 40), 0U);
    EXPECT_EQ(rows_above_cursor(std::wstring(20, L'阿'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(L"x" + std::wstring(19, L'阿'), 40), 0U);
    EXPECT_EQ(rows_above_cursor(L"x" + std::wstring(20, L'阿'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(L"x" + std::wstring(38, L'阿'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(L"x" + std::wstring(38, L'阿') + L"xx", 40), 2U);
}

TEST_F(prompt_rows_test, what_is_shown_otherwise) {
    EXPECT_EQ(rows_above_cursor(L"a\nb\nc", 40), 2U);  // as a search has it
    EXPECT_EQ(rows_above_cursor(std::wstring(19, L'\x01'), 40), 0U);
    EXPECT_EQ(rows_above_cursor(std::wstring(20, L'\x01'), 40), 1U);
    EXPECT_EQ(rows_above_cursor(L"\t\t\t\t", 40), 0U);
    EXPECT_EQ(rows_above_cursor(L"\t\t\t\tx\t", 40), 1U);
    EXPECT_EQ(rows_above_cursor(std::wstring(5, L'\x9b') + L"xxxx", 40), 0U);
    EXPECT_EQ(rows_above_cursor(std::wstring(5, L'\x9b') + L"xxxxx", 40), 1U);
}

TEST_F(prompt_rows_test, no_terminal_is_too_narrow) {
    EXPECT_EQ(rows_above_cursor(L"abcd", 0), 2U);
    EXPECT_EQ(rows_above_cursor(L"阿宸", 2), 2U);
}

}  // namespace
}  // namespace coserve_client
