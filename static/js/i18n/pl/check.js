// Polish: the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': 'Sprawdzanie połączenia',
  'check.lead':
    'Ta strona sprawdza to, czego potrzebuje spotkanie. Jeśli coś jest zablokowane, mówi co i kto może to ' +
    'naprawić.',
  'check.scope':
    'Nie trzeba się logować ani mieć spotkania. Dźwięk i obraz mogą iść nawet czterema drogami. Wystarczy jedna ' +
    'działająca.',
  'check.run': 'Rozpocznij sprawdzanie',
  'check.running': 'Sprawdzanie…',
  'check.again': 'Sprawdź ponownie',
  'check.browser': 'Przeglądarka',
  'check.browser.ok': 'Ta przeglądarka obsługuje wszystko, czego potrzebuje spotkanie.',
  'check.browser.bad': 'Ta przeglądarka nie obsługuje: {what}. Użyj aktualnej przeglądarki przez https.',
  'check.server': 'Serwer',
  'check.server.ok': 'Serwer odpowiada w {ms} ms.',
  'check.server.bad': 'Serwer nie odpowiada. Być może nie działa Twoja sieć lub serwer.',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'Kanał sygnalizacyjny działa.',
  'check.socket.bad':
    'Serwer proxy, zapora sieciowa lub program antywirusowy blokuje WebSockety, więc nie można dołączyć. Zwróć ' +
    'się do administratora sieci.',
  'check.udp': 'Dźwięk i obraz przez UDP',
  'check.udp.ok': 'Najlepsza droga. W obie strony trwa to {ms} ms.',
  'check.udp.bad':
    'Zapora sieciowa między Tobą a serwerem blokuje UDP. Spotkania potrzebują wtedy jednej z poniższych dróg.',
  'check.udp.none': 'Ten serwer tego nie oferuje.',
  'check.tcp': 'Przez TCP (ICE-TCP)',
  'check.tcp.ok': 'Używane, gdy UDP jest zablokowane. W obie strony trwa to {ms} ms.',
  'check.tcp.bad': 'Zapora sieciowa lub proxy nie przepuszcza bezpośrednich połączeń TCP.',
  'check.tcp.none': 'Ten serwer tego nie oferuje.',
  'check.turn': 'Przez przekaźnik po TCP (TURN)',
  'check.turn.ok': 'Używane, gdy połączenia bezpośrednie są zablokowane. W obie strony trwa to {ms} ms.',
  'check.turn.bad': 'Zapora sieciowa lub proxy nie przepuszcza połączeń do przekaźnika.',
  'check.turn.none': 'Ten serwer tego nie oferuje.',
  'check.turns': 'Przez przekaźnik po TLS (TURN)',
  'check.turns.ok':
    'Używane tam, gdzie dozwolony jest tylko ruch internetowy: wygląda jak HTTPS. W obie strony trwa to {ms} ms.',
  'check.turns.bad': 'Proxy lub program antywirusowy sprawdza szyfrowane połączenia albo przepuszcza tylko HTTPS.',
  'check.turns.none': 'Ten serwer tego nie oferuje. Potrzebuje własnego certyfikatu i nazwy hosta.',
  'check.after.server': 'Nie sprawdzono: serwer nie odpowiedział.',
  'check.busy': 'Nie sprawdzono: serwer jest zajęty. Spróbuj ponownie za minutę.',
  'check.best': 'Spotkania działają w tej sieci',
  'check.best.text': 'Dźwięk i obraz idą najlepszą drogą, przez UDP.',
  'check.detour': 'Spotkania działają w tej sieci okrężną drogą',
  'check.detour.text':
    'UDP jest zablokowane, więc dźwięk i obraz idą przez TCP. To działa, ale może się zacinać, gdy sieć jest ' +
    'wolna.',
  'check.blocked': 'Spotkania nie działają w tej sieci',
  'check.blocked.text':
    'Wszystkie drogi dla dźwięku i obrazu są zablokowane. Inna sieć, na przykład hotspot w telefonie, może ' +
    'działać.',
  'check.admin': 'Co przekazać administratorowi sieci',
  'check.admin.text':
    'Prosimy zezwolić na UDP i TCP na porcie {port} do {host} ({where}). Przeglądarki wysyłają tam dźwięk i ' +
    'obraz spotkań, zawsze zaszyfrowane (DTLS-SRTP), i do żadnego innego serwera.',
  'check.operator':
    'Jeśli nikt nie może dołączyć z żadnego miejsca, adres lub port serwera jest źle ustawiony: powiadom jego ' +
    'operatora.',
  'check.devices': 'Urządzenia',
  'check.devices.ok': {
    one: 'Znaleziono jeden mikrofon lub jedną kamerę.',
    few: 'Znaleziono {n} mikrofony i kamery.',
    many: 'Znaleziono {n} mikrofonów i kamer.',
    other: 'Znaleziono {n} mikrofonu i kamery.',
  },
  'check.devices.none': 'Nie znaleziono mikrofonu ani kamery. Mimo to możesz patrzeć i słuchać.',
  'check.signin': 'Zaloguj się, aby sprawdzić też kanał sygnalizacyjny.',
  'check.status.ok': 'Działa',
  'check.status.bad': 'Zablokowane',
  'check.status.warn': 'Uwaga',
  'check.status.none': 'Nieoferowane',
  'check.status.run': 'Sprawdzanie…',
  'check.status.wait': 'Jeszcze nie sprawdzono',
};
