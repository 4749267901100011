// iostreams: what they print and read, files, locales, wide characters.
#include <clocale>
#include <codecvt>
#include <complex>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <locale>
#include <regex>
#include <sstream>
#include <string>
#include <system_error>

int main() {
    std::cout << "int " << 42 << " hex " << std::hex << std::showbase << 255 << std::dec << " oct " << std::oct << 8 << std::dec << '\n';
    std::cout << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678 << ' ' << std::defaultfloat << 1e300 << ' ' << 0.1f << '\n';
    std::cout << std::setw(8) << std::setfill('*') << std::left << "left" << std::right << std::setw(8) << 12 << std::boolalpha << ' ' << true << '\n';
    std::cout << (void *)nullptr << ' ' << 'c' << ' ' << std::complex<double>(1, -2) << ' ' << 1.0L / 3 << '\n';
    std::istringstream in("17 -3 2.5e3 word 0x1f true");
    int a, b, hex; double d; std::string word; bool yes;
    in >> a >> b >> d >> word >> std::hex >> hex >> std::boolalpha >> yes;
    std::cout << a + b << ' ' << d << ' ' << word << ' ' << hex << ' ' << yes << ' ' << in.eof() << '\n';
    { std::ofstream out("streams.txt"); out << "line one\nline two\n" << 99; }
    std::ifstream file("streams.txt");
    for (std::string line; std::getline(file, line);) std::cout << '[' << line << "] ";
    std::cout << file.eof() << '\n';
    std::fstream both("streams.txt", std::ios::in | std::ios::out);
    both.seekp(5); both << "1NE"; both.seekg(0, std::ios::end);
    std::cout << both.tellg() << ' ' << (std::ifstream("missing") ? "there" : "missing") << '\n';
    std::ifstream failing; failing.exceptions(std::ios::failbit);
    try { failing.open("missing"); } catch (const std::ios_base::failure &e) { std::cout << e.what() << '\n'; }
    try { std::locale nowhere("xx_XX"); } catch (const std::runtime_error &e) { std::cout << e.what() << '\n'; }
    std::cout << std::locale::classic().name() << ' ' << std::toupper('x', std::locale()) << ' ' << std::use_facet<std::numpunct<char>>(std::locale()).decimal_point() << '\n';
    std::wstringstream wide; wide << L"wide " << 7 << L' ' << 2.5; std::wstring text = wide.str();
    std::cout << std::string(text.begin(), text.end()) << '\n';
    std::wstring_convert<std::codecvt_utf8<wchar_t>> convert;
    std::cout << convert.to_bytes(L"gr\u00fc\u00df") << ' ' << convert.from_bytes("\xe2\x82\xac").size() << '\n';
    std::cout << std::regex_replace(std::string("one two"), std::regex("(\\w+) (\\w+)"), "$2 $1") << '\n';
    std::cout << std::make_error_code(std::errc::no_such_file_or_directory).message() << '\n';
    std::tm date{}; date.tm_year = 123; date.tm_mon = 4; date.tm_mday = 6; date.tm_wday = 6;
    std::cout << std::put_time(&date, "%Y-%m-%d %a %b") << '\n';
    std::string line; std::getline(std::cin, line); int n; std::cin >> n;
    std::cout << line << '/' << n << std::endl;
    std::wcout << L"last" << std::endl;
    std::cerr << "to stderr\n";
    std::cout << std::stoi("12") + std::stod("0.5") << ' ' << std::to_string(1.5) << '\n';
}
