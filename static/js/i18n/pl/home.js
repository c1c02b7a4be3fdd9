// Polish: the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: 'opcjonalnie',
  'home.welcome': 'Własny pokój na czas rozmowy.',
  'home.lead':
    'Rozpocznij spotkanie i udostępnij link. Po zakończeniu nic nie zostaje: ani nagranie, ani czat, ani lista ' +
    'uczestników.',
  'home.new': 'Nowe spotkanie',
  'home.new.options': 'Opcje spotkania',
  'home.join': 'Dołącz',
  'home.join.label': 'Adres lub identyfikator spotkania',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid': 'To nie jest adres spotkania. Wklej cały link albo wpisz cztery grupy po cztery litery i cyfry.',
  'home.fact.gone': 'Znika po zakończeniu',
  'home.fact.gone.text': {
    one: 'Spotkania istnieją tylko w pamięci, najwyżej przez godzinę.',
    few: 'Spotkania istnieją tylko w pamięci, najwyżej przez {n} godziny.',
    many: 'Spotkania istnieją tylko w pamięci, najwyżej przez {n} godzin.',
    other: 'Spotkania istnieją tylko w pamięci, najwyżej przez {n} godziny.',
  },
  'home.fact.none': 'Nic nie jest nagrywane',
  'home.fact.none.text': 'Żadnych nagrań, historii czatu ani analityki.',
  'home.fact.audited': 'Treść nie jest nagrywana',
  'home.fact.audited.text': 'Żadnych nagrań ani historii czatu. Ten serwer zapisuje, kto, co i kiedy robi.',
  'home.fact.here': 'Jeden serwer, bez stron trzecich',
  'home.fact.here.text': 'Ta strona łączy się tylko z serwerem, z którego pochodzi.',
  'home.nohost': 'Na tym serwerze możesz dołączać do spotkań, ale nie możesz ich tworzyć.',
  'options.title': 'Tytuł',
  'options.title.placeholder': 'Spotkanie zespołu',
  'options.password': 'Hasło spotkania',
  'options.password.help': 'Każda dołączająca osoba musi je wpisać. Nie wysyłaj go razem z linkiem.',
  'options.lobby.help': 'Wpuszczasz osoby pojedynczo albo wszystkie naraz.',
  'options.guests': 'Goście',
  'options.guests.help': 'Niezalogowane osoby mogą prosić o dołączenie. Widzisz, że są niezweryfikowane.',
  'options.leaves': 'Gdy gospodarz wychodzi',
  'options.leaves.promote': 'Ktoś inny zostaje gospodarzem',
  'options.leaves.keep': 'Spotkanie trwa bez gospodarza',
  'options.leaves.end': 'Spotkanie się kończy',
  'options.create': 'Utwórz spotkanie',
  'options.private': 'Ukryj przed serwerem, kto mówi',
  'options.private.help':
    'Poziomy dźwięku nie są wysyłane. Nie widać, kto mówi, a najgłośniejsi nie mają pierwszeństwa.',
  'options.e2ee': 'Szyfrowanie end-to-end',
  'options.e2ee.help': 'Tylko osoby na spotkaniu je widzą, słyszą i czytają. Ten serwer nie.',
  'options.e2ee.off':
    'Wszyscy stale widzą informację, że ten serwer mógłby widzieć i słyszeć spotkanie. Nie można tego później ' +
    'zmienić.',
  'options.confidential': 'Spotkanie poufne',
  'options.confidential.help': 'Szyfrowane, z poczekalnią, bez gości. Znaki wodne pokazują, kto patrzy.',
  'options.confidential.all': 'Spotkania na tym serwerze są poufne: szyfrowane, z poczekalnią i bez gości.',
};
