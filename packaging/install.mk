# What is shipped, and where it goes. The Makefile includes this.

.PHONY: package man built configure install uninstall dist

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/libcodex
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
INSTALL ?= install
PKGCONFIGDIR := $(LIBDIR)/pkgconfig
CMAKEDIR := $(LIBDIR)/cmake/codex
MODULEDIR := $(INCLUDEDIR)/libcodex

ifeq ($(shell uname -s),Darwin)
REALNAME := libcodex.$(VERSION).dylib
SYSTEM_LIBS := -lSystem -lc -lm
else
REALNAME := libcodex.so.$(VERSION)
# As `rustc --print native-static-libs` lists them, less libgcc_s, which the archive does without. The threads of the library outlive
# a dlclose of the plugin that it is linked into.
SYSTEM_LIBS := -lutil -lrt -lpthread -lm -ldl -lc -Wl,-z,nodelete
endif

PACKAGE := $(TARGET)/package
LICENCES := THIRD-PARTY-LICENCES
HEADERS := $(notdir $(wildcard include/*.h include/*.hpp))
MANUAL := $(TARGET)/docs/man/man3
# All pages are written together.
PAGE := $(MANUAL)/libcodex.3

INSTALLED := $(addprefix $(INCLUDEDIR)/,$(HEADERS)) $(MODULEDIR)/module.modulemap \
	$(addprefix $(LIBDIR)/,$(REALNAME) $(SONAME) $(LIB) libcodex.a) \
	$(PKGCONFIGDIR)/codex.pc $(CMAKEDIR)/codexConfig.cmake $(CMAKEDIR)/codexConfigVersion.cmake \
	$(BINDIR)/codex-fetch-runtime $(DOCDIR)/LICENSE $(DOCDIR)/$(LICENCES)

# What is installed finds everything from its own place, so that it can be moved.
in_prefix = $(patsubst $(PREFIX)/%,%,$(1))
empty :=
up = $(subst $(empty) $(empty),/,$(patsubst %,..,$(subst /, ,$(call in_prefix,$(1)))))
# configure(template,directory)
configure = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@ABI@|$(ABI)|' -e 's|@UP@|$(call up,$(2))|' \
	-e 's|@LIBDIR@|$(call in_prefix,$(LIBDIR))|' -e 's|@INCLUDEDIR@|$(call in_prefix,$(INCLUDEDIR))|' \
	-e 's|@REALNAME@|$(REALNAME)|' -e 's|@SONAME@|$(SONAME)|' -e 's|@SYSTEM_LIBS@|$(SYSTEM_LIBS)|' \
	packaging/$(1) >'$(DESTDIR)$(2)/$(basename $(1))'

# A part of `make build`, so that `sudo make install` runs no compiler.
package: library
	@mkdir -p $(PACKAGE)
	@packaging/split-library $(RELEASE)/$(LIB) $(PACKAGE)/$(REALNAME)
	@packaging/localize-archive $(RELEASE)/libcodex.a $(PACKAGE)/libcodex.a
	@packaging/collect-licences $(BUILD_LOG) '$(FEATURES)' >$(PACKAGE)/$(LICENCES)

man: $(PAGE) ## Write the pages of the manual into target/docs/man; warnings of groff are errors

$(PAGE): include/codex.h Cargo.toml scripts/reference $(wildcard docs/examples/*.c)
	@scripts/check-tools python3 groff
	@scripts/reference man $(TARGET)/docs/man

install: built configure ## Install what `make` built (PREFIX, BINDIR, LIBDIR, INCLUDEDIR, DOCDIR, MANDIR, DESTDIR)
	@$(INSTALL) -m 755 $(PACKAGE)/$(REALNAME) '$(DESTDIR)$(LIBDIR)'
	@ln -sf $(REALNAME) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	@ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/$(LIB)'
	@$(INSTALL) -m 644 $(PACKAGE)/libcodex.a '$(DESTDIR)$(LIBDIR)'
	@$(INSTALL) -m 755 packaging/codex-fetch-runtime '$(DESTDIR)$(BINDIR)'
	@$(INSTALL) -m 644 LICENSE $(PACKAGE)/$(LICENCES) '$(DESTDIR)$(DOCDIR)'
	@if $(MAKE) --question man >/dev/null; then \
		mkdir -p '$(DESTDIR)$(MANDIR)/man3' && $(INSTALL) -m 644 $(MANUAL)/*.3 '$(DESTDIR)$(MANDIR)/man3'; \
		else echo "There is no manual to install: \`make man\` writes it, for the next \`make install\`."; fi
	@echo "Installed libcodex $(VERSION) in $(DESTDIR)$(PREFIX)."

built:
	@test -s $(PACKAGE)/$(LICENCES) || { echo "Nothing is built yet: run \`make\` first, then \`make install\`." >&2; exit 1; }

# What needs no build. CMakeLists.txt asks for it.
configure:
	@case '$(LIBDIR)|$(INCLUDEDIR)' in ('$(PREFIX)'/*'|$(PREFIX)'/*) ;; \
		(*) echo "LIBDIR and INCLUDEDIR must lie below PREFIX ($(PREFIX))." >&2; exit 1 ;; esac
	@mkdir -p $(foreach file,$(INSTALLED),'$(DESTDIR)$(dir $(file))')
	@$(INSTALL) -m 644 $(addprefix include/,$(HEADERS)) '$(DESTDIR)$(INCLUDEDIR)'
	@$(INSTALL) -m 644 packaging/module.modulemap '$(DESTDIR)$(MODULEDIR)'
	@$(call configure,codex.pc.in,$(PKGCONFIGDIR))
	@$(call configure,codexConfig.cmake.in,$(CMAKEDIR))
	@$(call configure,codexConfigVersion.cmake.in,$(CMAKEDIR))

uninstall: ## Remove what `make install` installed
	@rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)') '$(DESTDIR)$(MANDIR)/man3'/codex_*.3 '$(DESTDIR)$(MANDIR)/man3/libcodex.3'
	@rmdir '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(MODULEDIR)' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || true
	@echo "Removed libcodex from $(DESTDIR)$(PREFIX)."

DIST = libcodex-$(VERSION)-$(HOST)
DISTDIR := $(TARGET)/dist
# The same files give the same archive.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

dist: build man ## Write an archive of what `make install` installs, with the debug information beside the library
	@rm -rf $(DISTDIR)
	@$(MAKE) --no-print-directory install PREFIX=/$(DIST) BINDIR=/$(DIST)/bin LIBDIR=/$(DIST)/lib INCLUDEDIR=/$(DIST)/include \
		DOCDIR=/$(DIST)/share/doc/libcodex MANDIR=/$(DIST)/share/man DESTDIR=$(DISTDIR) >/dev/null
	@mkdir -p $(DISTDIR)/$(DIST)/lib/.debug
	@$(INSTALL) -m 644 $(PACKAGE)/$(REALNAME).debug $(DISTDIR)/$(DIST)/lib/.debug
	@tar -C $(DISTDIR) --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) -czf $(DISTDIR)/$(DIST).tar.gz $(DIST)
	@echo "Wrote $(DISTDIR)/$(DIST).tar.gz."
